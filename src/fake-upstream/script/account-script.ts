import type { ScriptedResponse, WholeResponse } from './scripted-response.js';
import { refuses, streams } from './responses.js';
import { madeUpAuthJson, type AuthJson, type MadeUpIdentity } from './made-up-credentials.js';
import { compaction } from './compaction.js';
import { AccountQuota, type Credits } from './account-quota.js';
import type { Meter } from './meter.js';
import type { UsageWindows } from './quota.js';
import { SocketScript } from './socket-script.js';
import type { TokenLedger } from './token-ledger.js';

const TEN_DAYS_IN_SECONDS = 864_000;

/** A made-up account; every field but the name has a default. */
export interface FakeAccountOptions {
  readonly name: string;
  readonly plan?: string;
  readonly accountId?: string;
  readonly userId?: string;
  readonly email?: string;
  readonly accessTokenLifetimeSeconds?: number;
  readonly fedramp?: boolean;
}

/** The scripted responses of a made-up account, and its login. */
export class AccountScript {
  readonly name: string;
  readonly accountId: string;
  readonly userId: string;
  readonly email: string;
  readonly plan: string;
  /** The body of `GET /wham/config/bundle` for this account. */
  bundle: ScriptedResponse;
  /** Its behaviour on WebSockets. */
  readonly sockets = new SocketScript();
  readonly #ledger: TokenLedger;
  readonly #lifetimeSeconds: number;
  readonly #identity: MadeUpIdentity;
  readonly #turnResponses: ScriptedResponse[] = [];
  readonly #imageResponses: ScriptedResponse[] = [];
  readonly #compactions: ScriptedResponse[] = [];
  #always: ScriptedResponse = streams();
  readonly #quota = new AccountQuota();
  #imagesAlways: ScriptedResponse | null = null;
  #usageResponse: WholeResponse | null = null;
  #checkResponse: ScriptedResponse | null = null;
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

  /** Returns the credential file with the newest tokens. `fields` replace top-level fields. */
  authJson(overrides: Partial<AuthJson> = {}): AuthJson {
    const generation = this.#ledger.current(this.name);
    return { ...madeUpAuthJson(this.#identity, generation, generation.issuedAt), ...overrides };
  }

  /** Logs the same person in again, with new tokens of a new family; returns the credential file. */
  loginAgain(lifetimeSeconds = this.#lifetimeSeconds): AuthJson {
    this.#ledger.issue(this.name, this.#identity, lifetimeSeconds);
    return this.authJson();
  }

  /** Queues responses to turns; each serves one turn. */
  answers(...responses: ScriptedResponse[]): this {
    this.#turnResponses.push(...responses);
    return this;
  }

  /** Sets the response to a turn when none is queued. */
  always(response: ScriptedResponse): this {
    this.#always = response;
    return this;
  }

  /** Drops the queued responses to turns, image requests and compactions. */
  clearQueue(): this {
    this.#turnResponses.length = 0;
    this.#imageResponses.length = 0;
    this.#compactions.length = 0;
    return this;
  }

  /** Sets the response to an image request when none is queued; null: a made-up image. */
  imagesAlways(response: ScriptedResponse | null): this {
    this.#imagesAlways = response;
    return this;
  }

  /** Queues responses to image requests. */
  imageResponses(...responses: ScriptedResponse[]): this {
    this.#imageResponses.push(...responses);
    return this;
  }

  /** Queues responses to compactions. */
  compactions(...responses: ScriptedResponse[]): this {
    this.#compactions.push(...responses);
    return this;
  }

  /** Sets the quota for `/wham/usage` and turns. The first window is primary, the second secondary. */
  usage(...windows: UsageWindows): this {
    this.#quota.windows = windows;
    this.#usageResponse = null;
    return this;
  }

  /** Sets `allowed` of the general quota, whatever its windows say; null: allowed unless a window is full. */
  allows(allowed: boolean | null): this {
    this.#quota.allowed = allowed;
    return this;
  }

  /** Sets the credits that `/wham/usage` and turns report; null: none. */
  credits(credits: Credits | null): this {
    this.#quota.credits = credits;
    return this;
  }

  /** Sets the meters that `/wham/usage` and turns report. Default: none. */
  meters(...meters: readonly Meter[]): this {
    this.#quota.meters = meters;
    return this;
  }

  /** Sets the exact response of `/wham/usage`, until `usage` is called. */
  usageResponses(status: number, body: object | string, headers?: Record<string, string>): this {
    this.#usageResponse = refuses(status, body, headers);
    return this;
  }

  /** Sets the response of `/wham/accounts/check`; null: an entry without constraints. */
  checkResponses(response: ScriptedResponse | null): this {
    this.#checkResponse = response;
    return this;
  }

  /** Makes the backend refuse the current access token from now on. */
  expireAccessToken(): this {
    this.#ledger.refuseCurrentAccess(this.name);
    return this;
  }

  /** Makes the token endpoint refuse the current refresh token from now on, so that the account needs a login. */
  revokeRefreshToken(): this {
    this.#ledger.spend(this.#ledger.current(this.name).refreshToken);
    return this;
  }

  /** Sets the `x-codex-turn-state` of responses to its turns. Default: none. */
  turnState(value: string | null): this {
    this.#turnState = value;
    return this;
  }

  /** The account's secrets: each token it ever had, and its e-mail address. */
  secrets(): readonly string[] {
    const generations = this.#ledger.issuedTo(this.name);
    return [this.email, ...generations.flatMap((it) => [it.accessToken, it.refreshToken, it.idToken])];
  }

  /** Every refresh token ever issued to the account, newest last. */
  refreshTokens(): readonly string[] {
    return this.#ledger.issuedTo(this.name).map((it) => it.refreshToken);
  }

  /** Takes the next response to a turn. Only the fake upstream calls this. */
  nextTurnResponse(): ScriptedResponse {
    return this.#turnResponses.shift() ?? this.#always;
  }

  /** Takes the next response to a compaction. Only the fake upstream calls this. */
  nextCompaction(): ScriptedResponse {
    return this.#compactions.shift() ?? refuses(200, compaction(this.name));
  }

  /** Takes the next response to an image request. Only the fake upstream calls this. */
  nextImageResponse(): ScriptedResponse {
    return (
      this.#imageResponses.shift() ??
      this.#imagesAlways ??
      refuses(200, { created: 1, data: [{ b64_json: 'bWFkZSB1cA==' }], account: this.name })
    );
  }

  /** The response to `/wham/usage`. Only the fake upstream calls this. */
  usageResponse(): ScriptedResponse {
    return this.#usageResponse ?? refuses(200, this.#quota.body(this));
  }

  /** The scripted response to `/wham/accounts/check`; null: none. Only the fake upstream calls this. */
  get checkResponse(): ScriptedResponse | null {
    return this.#checkResponse;
  }

  /** Header fields of its streamed turns, by the model they ask for. Only the fake upstream calls this. */
  turnHeaders(model: string | null): Record<string, string> {
    const turnState = this.#turnState === null ? {} : { 'x-codex-turn-state': this.#turnState };
    return { ...this.#quota.headers(this.plan, model), ...turnState };
  }
}
