import { AccountScript, type FakeAccountOptions } from './script/account-script.js';
import type { CustomHandler } from './script/scripted-response.js';
import { AuthorizationServer } from './authorization/authorization-server.js';
import { TURN_PATH, type ModelList } from './http/backend-routes.js';
import { LoopbackServer } from './loopback-server.js';
import {
  type DateDecision,
  type HandshakeDecision,
  RequestDispatch,
  type SocketTurnDecision,
  type TurnDecision,
} from './request-dispatch.js';
import { pathnameOf } from './http/request-head.js';
import { RequestLog, type LoggedRequest } from './script/request-log.js';
import { SocketLog } from './websocket/log.js';
import { SocketServer } from './socket-server.js';
import { TokenEndpoint } from './authorization/token-endpoint.js';
import { TokenLedger } from './script/token-ledger.js';

/** Options of a fake upstream: its accounts, by name or in detail, and its port (default: any free one). */
export interface FakeUpstreamOptions {
  readonly accounts?: readonly (string | FakeAccountOptions)[];
  readonly port?: number;
  /** The backend's clock, epoch ms, for the tokens it issues and, unless `dates` is set, for `date` headers. */
  readonly now?: () => number;
}

/**
 * A fake ChatGPT backend with its token endpoint: a real server on a loopback port, scripted per account, with a log of
 * every request that reached it. All accounts and tokens are made up.
 */
export class FakeUpstream implements AsyncDisposable {
  readonly tokens: TokenEndpoint;
  readonly authorization = new AuthorizationServer(
    (name) => this.account(name),
    () => this.origin,
  );
  readonly models: ModelList = { body: { models: [] }, etag: 'W/"made-up-1"' };
  readonly #ledger: TokenLedger;
  readonly #log = new RequestLog();
  readonly #accounts = new Map<string, AccountScript>();
  /** Accepted WebSockets and the turns on them. Handshakes are in `log`. */
  readonly sockets = new SocketLog(() => this.#log.changed());
  /** Accepted WebSockets on other paths, which echo each message. */
  readonly sideSockets = new SocketLog(() => this.#log.changed());
  readonly #dispatch: RequestDispatch;
  readonly #server: LoopbackServer;

  private constructor(now: () => number) {
    this.#ledger = new TokenLedger(now);
    this.tokens = new TokenEndpoint(this.#ledger);
    const { authorization, models, tokens } = this;
    const parts = {
      ledger: this.#ledger,
      accounts: this.#accounts,
      log: this.#log,
      authorization,
      models,
      now,
      tokens,
    };
    this.#dispatch = new RequestDispatch(parts);
    const socketServer = new SocketServer(parts, this.#dispatch, this.sockets, this.sideSockets);
    this.#server = new LoopbackServer({
      request: (req, res) => void this.#dispatch.serve(req, res),
      upgrade: (req, tcp, head) => void socketServer.upgrade(req, tcp, head),
      connectionClosed: () => this.#log.changed(),
    });
  }

  static async start(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
    const fakeUpstream = new FakeUpstream(options.now ?? Date.now);
    for (const account of options.accounts ?? []) {
      fakeUpstream.addAccount(typeof account === 'string' ? { name: account } : account);
    }
    await fakeUpstream.#server.listen(options.port ?? 0);
    return fakeUpstream;
  }

  /** Chooses the response to each turn; null leaves it to the account's script. */
  set decides(decides: TurnDecision | null) {
    this.#dispatch.decides = decides;
  }

  /** Chooses the response to each image request; null leaves it to the account's script. */
  set decidesImages(decides: TurnDecision | null) {
    this.#dispatch.decidesImages = decides;
  }

  /** Chooses the response to each turn on a WebSocket; null leaves it to the account's script. */
  set decidesOnSockets(decides: SocketTurnDecision | null) {
    this.#dispatch.decidesOnSockets = decides;
  }

  /** Chooses the response to each WebSocket handshake; null leaves it to the account's script. */
  set decidesHandshakes(decides: HandshakeDecision | null) {
    this.#dispatch.decidesHandshakes = decides;
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** The settings that point a proxy at this fake upstream. */
  get env(): Record<string, string> {
    return {
      UPSTREAM_RESPONSES_BASE: `${this.origin}/backend-api/codex`,
      UPSTREAM_WHAM_BASE: `${this.origin}/backend-api`,
      UPSTREAM_REFRESH_BASE: this.origin,
    };
  }

  account(name: string): AccountScript {
    const account = this.#accounts.get(name);
    if (account === undefined) throw new Error(`The fake upstream has no account "${name}"`);
    return account;
  }

  addAccount(options: FakeAccountOptions): AccountScript {
    if (this.#accounts.has(options.name))
      throw new Error(`The fake upstream already has an account "${options.name}"`);
    const account = new AccountScript(options, this.#ledger);
    this.#accounts.set(options.name, account);
    return account;
  }

  /**
   * Chooses the `date` of each response, epoch ms, by the path that was asked for; null: no such header. Default: the
   * backend's clock. The tokens that it issues follow that clock in any case.
   */
  set dates(dates: DateDecision) {
    this.#dispatch.dates = dates;
  }

  /** Serves this method and path (without query) with a handler from now on, with or without a valid token. */
  on(method: string, path: string, handler: CustomHandler): this {
    this.#dispatch.on(method, path, handler);
    return this;
  }

  get log(): readonly LoggedRequest[] {
    return this.#log.entries;
  }

  /** The logged requests that are turns. */
  turns(): readonly LoggedRequest[] {
    return this.log.filter((it) => it.method === 'POST' && pathnameOf(it.path) === TURN_PATH);
  }

  /** The account of each turn, in order; `?` for a turn without a known token. */
  attempts(): string[] {
    return this.turns().map((it) => it.account ?? '?');
  }

  /** Resolves as soon as the predicate holds. Rejects after `limitMs` (5 s by default) with an error that names `what`. */
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

  /** The logged WebSocket handshakes, refused ones included. */
  handshakes(): readonly LoggedRequest[] {
    return this.log.filter((it) => it.method === 'GET' && pathnameOf(it.path) === TURN_PATH);
  }

  /** Number of requests and socket turns whose responses have not ended, held ones included. */
  inFlight(): number {
    return this.#dispatch.inFlight + this.sockets.inFlight;
  }

  async untilIdle(): Promise<void> {
    await this.until(() => this.inFlight() === 0, 'the end of all its requests');
  }

  /** Closes at once and cuts all connections. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  /** Refuses connections on its port until `reopen`. */
  async goDown(): Promise<void> {
    await this.close();
  }

  async reopen(): Promise<void> {
    await this.#server.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
