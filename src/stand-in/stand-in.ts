import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccountScript, type StandInAccountOptions } from './account-script.js';
import { writeAnswer } from './answer-writing.js';
import type { CustomHandler } from './answer.js';
import { AuthorizationServer } from './authorization-server.js';
import { backendAnswer } from './backend-answer.js';
import { TURN_PATH, type ModelList } from './backend-routes.js';
import { Exchange } from './exchange.js';
import { sendText } from './local-answer.js';
import { LoopbackServer } from './loopback-server.js';
import { bearerOf, pathnameOf } from './request-head.js';
import { modelIn, readBody } from './request-body.js';
import { RequestLog, type LoggedRequest, type OpenEntry } from './request-log.js';
import { TokenEndpoint } from './token-endpoint.js';
import { TokenLedger } from './token-ledger.js';

/** How a stand-in starts: its accounts, by name or in detail, and a port (any free one by default). */
export interface StandInOptions {
  readonly accounts?: readonly (string | StandInAccountOptions)[];
  readonly port?: number;
  /** The backend's own time, epoch ms: of its `date` headers and of the tokens it gives out. */
  readonly now?: () => number;
}

/**
 * A stand-in for the ChatGPT backend and its token endpoint: a real server on a loopback port, scripted per account,
 * with a log of everything that reached it. All accounts and tokens are made up.
 */
export class StandIn implements AsyncDisposable {
  readonly tokens: TokenEndpoint;
  readonly authorization = new AuthorizationServer(
    (name) => this.account(name),
    () => this.origin,
  );
  readonly models: ModelList = { body: { models: [] }, etag: 'W/"made-up-1"' };
  readonly #ledger: TokenLedger;
  readonly #now: () => number;
  readonly #log = new RequestLog();
  readonly #accounts = new Map<string, AccountScript>();
  readonly #overrides = new Map<string, CustomHandler>();
  readonly #server: LoopbackServer;
  #inFlight = 0;
  #lastId = 0;

  private constructor(now: () => number) {
    this.#now = now;
    this.#ledger = new TokenLedger(now);
    this.tokens = new TokenEndpoint(this.#ledger);
    const listener = (req: IncomingMessage, res: ServerResponse): void => void this.#serve(req, res);
    this.#server = new LoopbackServer(listener, () => this.#log.changed());
  }

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const standIn = new StandIn(options.now ?? Date.now);
    for (const account of options.accounts ?? []) {
      standIn.addAccount(typeof account === 'string' ? { name: account } : account);
    }
    await standIn.#server.listen(options.port ?? 0);
    return standIn;
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** The settings that point a proxy at this stand-in. */
  get env(): Record<string, string> {
    return {
      UPSTREAM_RESPONSES_BASE: `${this.origin}/backend-api/codex`,
      UPSTREAM_WHAM_BASE: `${this.origin}/backend-api`,
      UPSTREAM_REFRESH_BASE: this.origin,
    };
  }

  account(name: string): AccountScript {
    const account = this.#accounts.get(name);
    if (account === undefined) throw new Error(`The stand-in has no account "${name}"`);
    return account;
  }

  addAccount(options: StandInAccountOptions): AccountScript {
    if (this.#accounts.has(options.name))
      throw new Error(`The stand-in has an account "${options.name}" already`);
    const account = new AccountScript(options, this.#ledger);
    this.#accounts.set(options.name, account);
    return account;
  }

  /** Answers this method and path (without query) by hand from now on, whoever asks, with or without a token. */
  on(method: string, path: string, handler: CustomHandler): this {
    this.#overrides.set(`${method.toUpperCase()} ${path}`, handler);
    return this;
  }

  get log(): readonly LoggedRequest[] {
    return this.#log.entries;
  }

  /** The turns among the log. */
  turns(): readonly LoggedRequest[] {
    return this.log.filter((it) => it.method === 'POST' && pathnameOf(it.path) === TURN_PATH);
  }

  /** Whose turns they were, in order; `?` for a turn without a token of ours. */
  attempts(): string[] {
    return this.turns().map((it) => it.account ?? '?');
  }

  /** Resolves as soon as the predicate holds; rejects after 5 s (or as told), naming what was waited for. */
  async until(
    predicate: (log: readonly LoggedRequest[]) => boolean,
    what = 'a condition on its log',
    limitMs?: number,
  ): Promise<void> {
    await this.#log.until(predicate, what, limitMs);
  }

  openConnections(): number {
    return this.#server.openConnections;
  }

  /** Requests whose answers have not ended, those on hold included. */
  inFlight(): number {
    return this.#inFlight;
  }

  async untilIdle(): Promise<void> {
    await this.until(() => this.#inFlight === 0, 'the end of all its requests');
  }

  /** Ends at once, in the middle of whatever is going on. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  /** Refuses connections from now on, on the same port, until `reopen`. */
  async goDown(): Promise<void> {
    await this.close();
  }

  async reopen(): Promise<void> {
    await this.#server.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const entry = this.#entryOf(req, res);
    const exchange = new Exchange(req, res, entry);
    this.#inFlight += 1;
    void exchange.closed.then(() => this.#ended(entry, exchange));
    res.setHeader('date', new Date(this.#now()).toUTCString());
    const { body, isWhole } = await readBody(req);
    entry.body = body;
    entry.closedEarly = !isWhole;
    this.#log.add(entry);
    if (!isWhole) return void res.destroy();
    try {
      await this.#answer(entry, exchange);
    } catch (error) {
      if (res.headersSent) return exchange.cut();
      sendText(res, 500, `The stand-in failed: ${String(error)}`, 'text/plain');
    }
  }

  #entryOf(req: IncomingMessage, res: ServerResponse): OpenEntry {
    this.#lastId += 1;
    const verdict = this.#ledger.judge(bearerOf(req.headers));
    return {
      id: this.#lastId,
      at: Date.now(),
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      body: Buffer.alloc(0),
      account: verdict.kind === 'unknown' ? null : verdict.account,
      get status() {
        return res.headersSent ? res.statusCode : null;
      },
      closedEarly: false,
      endedAt: null,
    };
  }

  #ended(entry: OpenEntry, exchange: Exchange): void {
    this.#inFlight -= 1;
    entry.endedAt = Date.now();
    entry.closedEarly = !exchange.res.writableFinished && !exchange.wasCutByUs;
    this.#log.changed();
  }

  async #answer(entry: OpenEntry, exchange: Exchange): Promise<void> {
    const pathname = pathnameOf(entry.path);
    const override = this.#overrides.get(`${entry.method} ${pathname}`);
    if (override !== undefined) return override(exchange.req, exchange.res, entry);
    if (await this.authorization.serve(exchange)) return;
    if (entry.method === 'POST' && pathname === '/oauth/token') return this.tokens.serve(exchange);
    const account = this.#accounts.get(entry.account ?? '');
    const model = modelIn(entry.body, exchange.req.headers['content-encoding']);
    const facts = { account: account?.name ?? '', model };
    const headers = { ...account?.turnHeaders(), 'x-models-etag': this.models.etag };
    await writeAnswer(backendAnswer(entry, account, this.#ledger, this.models), exchange, facts, headers);
  }
}
