import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccountScript } from './script/account-script.js';
import { writeResponse } from './http/response-writing.js';
import type { ScriptedResponse, CustomHandler } from './script/scripted-response.js';
import type { AuthorizationServer } from './authorization/authorization-server.js';
import { backendResponse } from './http/backend-response.js';
import { isImagePath, type ModelList, TURN_PATH } from './http/backend-routes.js';
import { Exchange } from './http/exchange.js';
import { sendText } from './http/local-response.js';
import { bearerOf, pathnameOf } from './http/request-head.js';
import { modelIn, readBody } from './http/request-body.js';
import type { LoggedRequest, OpenEntry, RequestLog } from './script/request-log.js';
import type { TokenEndpoint } from './authorization/token-endpoint.js';
import type { HandshakeResponse, SocketResponse } from './script/socket-script.js';
import type { TokenLedger } from './script/token-ledger.js';
import type { SocketTurnRequest } from './websocket/turns.js';

/** State shared by the parts of a fake upstream. */
export interface FakeUpstreamParts {
  readonly ledger: TokenLedger;
  readonly tokens: TokenEndpoint;
  readonly authorization: AuthorizationServer;
  readonly accounts: ReadonlyMap<string, AccountScript>;
  readonly models: ModelList;
  readonly log: RequestLog;
  readonly now: () => number;
}

/** Chooses the response to a turn or an image request. `scripted` is the response by the script, or the 401 of an invalid token. */
export type TurnDecision = (turn: LoggedRequest, scripted: ScriptedResponse) => ScriptedResponse;

/** Chooses the response to a turn on a WebSocket; prewarms are left to the script. */
export type SocketTurnDecision = (turn: SocketTurnRequest, scripted: SocketResponse) => SocketResponse;

/** Chooses the response to a WebSocket handshake. `scripted` is the one by the script, or the 401 of an invalid token. */
export type HandshakeDecision = (handshake: LoggedRequest, scripted: HandshakeResponse) => HandshakeResponse;

/** Chooses the `date` of a response, epoch ms; null: no such header. */
export type DateDecision = (path: string) => number | null;

/** Logs each request and dispatches it to the part that serves it. */
export class RequestDispatch {
  decides: TurnDecision | null = null;
  decidesImages: TurnDecision | null = null;
  decidesOnSockets: SocketTurnDecision | null = null;
  decidesHandshakes: HandshakeDecision | null = null;
  dates: DateDecision = () => this.parts.now();
  readonly #overrides = new Map<string, CustomHandler>();
  #inFlight = 0;
  #lastId = 0;

  constructor(private readonly parts: FakeUpstreamParts) {}

  /** Number of requests whose responses have not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  on(method: string, path: string, handler: CustomHandler): void {
    this.#overrides.set(`${method.toUpperCase()} ${path}`, handler);
  }

  isOverridden(entry: OpenEntry): boolean {
    return this.#overrides.has(overrideKey(entry));
  }

  async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { entry, exchange } = this.open(req, res);
    const { body, isWhole } = await readBody(req);
    entry.body = body;
    entry.closedEarly = !isWhole;
    this.parts.log.add(entry);
    if (!isWhole) return void res.destroy();
    try {
      await this.respond(entry, exchange);
    } catch (error) {
      if (res.headersSent) return exchange.cut();
      sendText(res, 500, `The fake upstream failed: ${String(error)}`, 'text/plain');
    }
  }

  /** Counts a request as in flight until its response closes. Does not log it yet. */
  open(req: IncomingMessage, res: ServerResponse): { entry: OpenEntry; exchange: Exchange } {
    const entry = this.#entryOf(req, res);
    const exchange = new Exchange(req, res, entry);
    this.#inFlight += 1;
    void exchange.closed.then(() => this.#ended(entry, exchange));
    const { date } = this.dateOf(entry);
    if (date === undefined) res.sendDate = false;
    else res.setHeader('date', date);
    return { entry, exchange };
  }

  /** The `date` header of the response to a request. */
  dateOf({ path }: OpenEntry): { readonly date?: string } {
    const at = this.dates(path);
    return at === null ? {} : { date: new Date(at).toUTCString() };
  }

  async respond(entry: OpenEntry, exchange: Exchange): Promise<void> {
    const { accounts, authorization, ledger, models, tokens } = this.parts;
    const override = this.#overrides.get(overrideKey(entry));
    if (override !== undefined) return override(exchange.req, exchange.res, entry);
    if (await authorization.serve(exchange)) return;
    if (entry.method === 'POST' && pathnameOf(entry.path) === '/oauth/token') return tokens.serve(exchange);
    const account = accounts.get(entry.account ?? '');
    const model = modelIn(entry.body, exchange.req.headers['content-encoding']);
    const facts = { account: account?.name ?? '', model };
    const headers = { ...account?.turnHeaders(model), 'x-models-etag': models.etag };
    const scripted = backendResponse(entry, account, ledger, models);
    const response = this.#decisionFor(entry)?.(entry, scripted) ?? scripted;
    await writeResponse(response, exchange, facts, headers);
  }

  #decisionFor({ method, path }: OpenEntry): TurnDecision | null {
    if (method !== 'POST') return null;
    if (isImagePath(pathnameOf(path))) return this.decidesImages;
    return pathnameOf(path) === TURN_PATH ? this.decides : null;
  }

  #entryOf(req: IncomingMessage, res: ServerResponse): OpenEntry {
    this.#lastId += 1;
    const verdict = this.parts.ledger.judge(bearerOf(req.headers));
    return {
      id: this.#lastId,
      connection: req.socket.remotePort ?? 0,
      at: Date.now(),
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      body: Buffer.alloc(0),
      account: verdict.kind === 'unknown' ? null : verdict.account,
      get status() {
        if (this.isUpgraded) return 101;
        return res.headersSent ? res.statusCode : null;
      },
      isUpgraded: false,
      closedEarly: false,
      endedAt: null,
    };
  }

  #ended(entry: OpenEntry, exchange: Exchange): void {
    this.#inFlight -= 1;
    entry.endedAt = Date.now();
    entry.closedEarly = !entry.isUpgraded && !exchange.res.writableFinished && !exchange.wasCutByUs;
    this.parts.log.changed();
  }
}

function overrideKey(entry: OpenEntry): string {
  return `${entry.method} ${pathnameOf(entry.path)}`;
}
