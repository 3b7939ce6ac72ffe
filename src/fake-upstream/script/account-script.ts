import type { ScriptedResponse, WholeResponse } from './scripted-response.js';
import { refuses, streams } from './responses.js';
import { madeUpAuthJson, type AuthJson, type MadeUpIdentity } from './made-up-credentials.js';
import { LITTLE_USED, quotaHeaders, usageBody, type UsageWindows } from './quota.js';
import { SocketScript } from './socket-script.js';
import type { TokenLedger } from './token-ledger.js';

const TEN_DAYS_IN_SECONDS = 864_000;

/** An account to be made up; everything but the name has a default. */
export interface FakeAccountOptions {
  readonly name: string;
  readonly plan?: string;
  readonly accountId?: string;
  readonly userId?: string;
  readonly email?: string;
  readonly accessTokenLifetimeSeconds?: number;
  readonly fedramp?: boolean;
}

/** What one made-up account answers, and the login it has. */
export class AccountScript {
  readonly name: string;
  readonly accountId: string;
  readonly userId: string;
  readonly email: string;
  readonly plan: string;
  /** What `GET /wham/config/bundle` answers to this account. */
  bundle: ScriptedResponse;
  /** What it answers on WebSockets. */
  readonly sockets = new SocketScript();
  readonly #ledger: TokenLedger;
  readonly #lifetimeSeconds: number;
  readonly #identity: MadeUpIdentity;
  readonly #turnResponses: ScriptedResponse[] = [];
  readonly #imageResponses: ScriptedResponse[] = [];
  #always: ScriptedResponse = streams();
  #windows: UsageWindows = LITTLE_USED;
  #usageResponse: WholeResponse | null = null;
  #turnState: string | null = null;

  constructor(options: FakeAccountOptions, ledger: TokenLedger) {
    const { name, plan = 'plus', fedramp = false } = options;
    this.name = name;
    this.plan = plan;
    this.accountId = options.accountId ?? `acct-${encodeURIComponent(name)}`;
    this.userId = options.userId ?? `user-${encodeURIComponent(name)}`;
    this.email = options.email ?? `${name}@example.test`;
    this.bundle = refuses(200, { bundle_of: name });
    this.#ledger = ledger;
    this.#lifetimeSeconds = options.accessTokenLifetimeSeconds ?? TEN_DAYS_IN_SECONDS;
    this.#identity = { accountId: this.accountId, userId: this.userId, email: this.email, plan, fedramp };
    this.loginAgain();
  }

  /** The credential file with the newest tokens; fields given replace those at the top. */
  authJson(overrides: Partial<AuthJson> = {}): AuthJson {
    const generation = this.#ledger.current(this.name);
    return { ...madeUpAuthJson(this.#identity, generation, generation.issuedAt), ...overrides };
  }

  /** A new login of the same person: new tokens, a new family; returns its credential file. */
  loginAgain(lifetimeSeconds = this.#lifetimeSeconds): AuthJson {
    this.#ledger.issue(this.name, this.#identity, lifetimeSeconds);
    return this.authJson();
  }

  /** Queues answers to turns; each serves one turn. */
  answers(...responses: ScriptedResponse[]): this {
    this.#turnResponses.push(...responses);
    return this;
  }

  /** What is answered to a turn when nothing is queued. */
  always(response: ScriptedResponse): this {
    this.#always = response;
    return this;
  }

  /** Queues answers to image requests; with none queued, a made-up image is answered. */
  imageResponses(...responses: ScriptedResponse[]): this {
    this.#imageResponses.push(...responses);
    return this;
  }

  /** Quota from now on, in `/wham/usage` and on turns: the first window is told as primary, the second as secondary. */
  usage(...windows: UsageWindows): this {
    this.#windows = windows;
    this.#usageResponse = null;
    return this;
  }

  /** Exactly this on `/wham/usage` from now on; `usage` ends it. */
  usageResponses(status: number, body: object | string, headers?: Record<string, string>): this {
    this.#usageResponse = refuses(status, body, headers);
    return this;
  }

  /** From now on the upstream refuses the access token that is current now. */
  expireAccessToken(): this {
    this.#ledger.refuseCurrentAccess(this.name);
    return this;
  }

  /** From now on the token endpoint refuses the refresh token that is current now: the account needs a login. */
  revokeRefreshToken(): this {
    this.#ledger.spend(this.#ledger.current(this.name).refreshToken);
    return this;
  }

  /** The `x-codex-turn-state` on answers to its turns; none by default. */
  turnState(value: string | null): this {
    this.#turnState = value;
    return this;
  }

  /** Everything about the account that must not be seen outside: each token it ever had, and its e-mail. */
  secrets(): readonly string[] {
    const generations = this.#ledger.issuedTo(this.name);
    return [this.email, ...generations.flatMap((it) => [it.accessToken, it.refreshToken, it.idToken])];
  }

  /** Every refresh token the account was ever given, newest last. */
  refreshTokens(): readonly string[] {
    return this.#ledger.issuedTo(this.name).map((it) => it.refreshToken);
  }

  /** The next answer to a turn; called by the fake upstream alone. */
  nextTurnResponse(): ScriptedResponse {
    return this.#turnResponses.shift() ?? this.#always;
  }

  /** The next answer to an image request; called by the fake upstream alone. */
  nextImageResponse(): ScriptedResponse {
    return (
      this.#imageResponses.shift() ??
      refuses(200, { created: 1, data: [{ b64_json: 'bWFkZSB1cA==' }], account: this.name })
    );
  }

  /** The answer to `/wham/usage`; called by the fake upstream alone. */
  usageResponse(): ScriptedResponse {
    return this.#usageResponse ?? refuses(200, usageBody(this.#windows, this));
  }

  /** Header fields of its streamed turns; called by the fake upstream alone. */
  turnHeaders(): Record<string, string> {
    const turnState = this.#turnState === null ? {} : { 'x-codex-turn-state': this.#turnState };
    return { ...quotaHeaders(this.#windows, this.plan), ...turnState };
  }
}
