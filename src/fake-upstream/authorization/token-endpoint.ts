import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exchange } from '../http/exchange.js';
import { sendJson, sendText } from '../http/local-response.js';
import type { Redemption, TokenLedger } from '../script/token-ledger.js';

const TEN_DAYS_IN_SECONDS = 864_000;

/** A refresh request as it arrived. */
export interface TokenRequest {
  readonly at: number;
  /** The account that the refresh token belongs to; null if it is unknown. */
  readonly account: string | null;
  readonly refreshToken: string;
  readonly reason: string | null;
}

/** How one token request fails. `drops-after-rotation`: the old token is spent, and the new one is never sent. */
export type TokenFault =
  | 'hangs'
  | 'drops'
  | 'drops-after-rotation'
  | 'html'
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };

/** A token request that waits until the test releases it. */
export interface HeldTokenRequest {
  /** Resolves when the request has arrived. */
  readonly arrived: Promise<void>;
  release(): void;
}

interface Hold {
  readonly arrive: () => void;
  readonly released: Promise<void>;
  readonly afterRotation: boolean;
  readonly from: RegExp;
}

/** The OAuth token endpoint: a refresh token works once, and a second use is counted. */
export class TokenEndpoint {
  readonly requests: TokenRequest[] = [];
  /** How often a used refresh token was sent again. A proxy that loses no token keeps this at 0. */
  reuses = 0;
  /** Lifetime of the access tokens that a refresh returns. */
  lifetimeSeconds = TEN_DAYS_IN_SECONDS;
  /** Duration of a request, ms: half of it before the old token is spent, half before the new one is sent. */
  slowness: (() => number) | null = null;
  readonly #faults: TokenFault[] = [];
  readonly #holds: Hold[] = [];

  constructor(private readonly ledger: TokenLedger) {}

  /** When set, an access token is refused as soon as a newer one exists. */
  set strict(strict: boolean) {
    this.ledger.strict = strict;
  }

  /** Whether the second use of a refresh token revokes its whole family, as a provider does on suspicion of theft. Default: true. */
  set revokesFamilies(revokes: boolean) {
    this.ledger.revokesFamilies = revokes;
  }

  /** Queues faults; each spoils one request. */
  answers(...faults: TokenFault[]): this {
    this.#faults.push(...faults);
    return this;
  }

  /** Drops the queued faults. */
  clearFaults(): this {
    this.#faults.length = 0;
    return this;
  }

  /**
   * Holds the next request, or the next whose user agent matches `from`. It is held before the tokens rotate, or, with
   * `afterRotation`, between the rotation and the response.
   */
  hold(options: { afterRotation?: boolean; from?: RegExp } = {}): HeldTokenRequest {
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const { afterRotation = false, from = /^/ } = options;
    this.#holds.push({ arrive: arrived.resolve, released: released.promise, afterRotation, from });
    return { arrived: arrived.promise, release: released.resolve };
  }

  /** Requests that carried a refresh token of this account. */
  requestsFor(account: string): readonly TokenRequest[] {
    return this.requests.filter((it) => it.account === account);
  }

  /** Serves `POST /oauth/token`. Only the fake upstream calls this. */
  async serve(exchange: Exchange): Promise<void> {
    const asked = refreshIn(exchange.logged.body);
    if (asked === null) return sendJson(exchange.res, 400, { error: 'invalid_request' });
    const account = this.ledger.ownerOfRefreshToken(asked.refreshToken);
    this.requests.push({ at: Date.now(), account, ...asked });
    const fault = this.#faults.shift();
    const hold = this.#takeHold(exchange.logged.headers['user-agent'] ?? '');
    hold?.arrive();
    if (hold?.afterRotation === false) await exchange.unlessClosed(hold.released);
    if (fault !== undefined && fault !== 'drops-after-rotation') return spoil(fault, exchange);
    const slowness = this.slowness?.() ?? 0;
    if (slowness > 0) await pause(slowness / 2);
    const redemption = this.ledger.redeem(asked.refreshToken, this.lifetimeSeconds);
    if (redemption.kind === 'reused') this.reuses += 1;
    if (slowness > 0) await pause(slowness / 2);
    if (hold?.afterRotation === true) await exchange.unlessClosed(hold.released);
    if (fault === 'drops-after-rotation') return exchange.cut();
    sendRedemption(redemption, exchange.res);
  }

  #takeHold(userAgent: string): Hold | undefined {
    const index = this.#holds.findIndex((it) => it.from.test(userAgent));
    return index === -1 ? undefined : this.#holds.splice(index, 1)[0];
  }
}

function refreshIn(body: Buffer): { refreshToken: string; reason: string | null } | null {
  const asked = parsed(body);
  if (typeof asked !== 'object' || asked === null) return null;
  if (!('grant_type' in asked) || asked.grant_type !== 'refresh_token') return null;
  if (!('refresh_token' in asked) || typeof asked.refresh_token !== 'string') return null;
  const reason =
    'refresh_reason' in asked && typeof asked.refresh_reason === 'string' ? asked.refresh_reason : null;
  return { refreshToken: asked.refresh_token, reason };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function sendRedemption(redemption: Redemption, res: ServerResponse): void {
  switch (redemption.kind) {
    case 'granted': {
      const { idToken, accessToken, refreshToken } = redemption.generation;
      return sendJson(res, 200, {
        id_token: idToken,
        access_token: accessToken,
        refresh_token: refreshToken,
      });
    }
    case 'reused':
      return sendJson(res, 401, refusal('refresh_token_reused', 'Your refresh token has already been used.'));
    case 'revoked':
      return sendJson(res, 401, refusal('refresh_token_invalidated', 'Your session has been ended.'));
    case 'unknown':
      return sendJson(res, 401, refusal('refresh_token_invalidated', 'Your refresh token is not known.'));
    default:
      return redemption satisfies never;
  }
}

function refusal(code: string, message: string): object {
  return { error: { message, type: 'invalid_request_error', param: null, code } };
}

/** Responds with a fault instead of tokens. */
export async function spoil(
  fault: Exclude<TokenFault, 'drops-after-rotation'>,
  exchange: Exchange,
): Promise<void> {
  if (fault === 'hangs') return exchange.closed;
  if (fault === 'drops') return exchange.cut();
  if (fault === 'html')
    return sendText(exchange.res, 502, '<html><body>Bad gateway</body></html>', 'text/html');
  if (typeof fault.body === 'string')
    return sendText(exchange.res, fault.status, fault.body, 'text/plain', fault.headers);
  return sendJson(exchange.res, fault.status, fault.body, fault.headers);
}
