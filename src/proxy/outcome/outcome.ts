import type { IncomingHttpHeaders } from 'node:http';
import type { ResetHint } from '../../accounts/evidence/cooldown.js';
import { GENERAL_SCOPE, meterScope, type RefusalScope } from '../../accounts/evidence/refusal-scope.js';
import { meterKey } from '../../usage/meter.js';
import { isEdgePage } from './edge-page.js';
import type { ErrorEnvelope } from './error-envelope.js';
import { isModelRefusal } from './model-refusal.js';
import { retryAfterMs } from './retry-after.js';

/**
 * How one attempt ended. Other files decide what it means for the account and what happens next. `scope` is the part
 * of the account that the outcome is about; outcomes without it are about the request, the model, or the network.
 */
export type AttemptOutcome =
  | { readonly kind: 'success' }
  /** A WebSocket is open; its turns have outcomes of their own. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'unauthorized'; readonly scope: RefusalScope }
  | { readonly kind: 'needs-login' }
  | { readonly kind: 'refresh-failed' }
  | { readonly kind: 'deactivated'; readonly code: string }
  /** A page of the network in front of upstream, which says nothing about the account. */
  | { readonly kind: 'edge-block' }
  /** Upstream does not serve the country that this machine seems to be in. */
  | { readonly kind: 'wrong-place' }
  | { readonly kind: 'forbidden'; readonly scope: RefusalScope; readonly code: string }
  /** `isMeterNamed`: upstream has named the meter; otherwise the one that counts the requested model is spent. */
  | {
      readonly kind: 'quota-exhausted';
      readonly scope: RefusalScope;
      readonly isMeterNamed: boolean;
      readonly hint: ResetHint;
    }
  /** `model` null: the request names none. */
  | { readonly kind: 'not-entitled'; readonly model: string | null }
  | { readonly kind: 'rate-limited'; readonly scope: RefusalScope; readonly retryAfterMs: number | null }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'upstream-error'; readonly scope: RefusalScope }
  /** The request contains encrypted items that belong to another account. */
  | { readonly kind: 'cross-account-content' }
  | { readonly kind: 'client-error' }
  | { readonly kind: 'turn-failed' }
  | { readonly kind: 'unreachable'; readonly wasReused: boolean; readonly reason: string }
  | { readonly kind: 'client-gone' };

/** Refusals that another account might not return. */
export const retryableElsewhere: ReadonlySet<AttemptOutcome['kind']> = new Set([
  'unauthorized',
  'deactivated',
  'edge-block',
  'forbidden',
  'quota-exhausted',
  'not-entitled',
  'rate-limited',
  'overloaded',
  'upstream-error',
]);

/** The request that a response belongs to. */
export interface AskedRequest {
  readonly route: 'turn' | 'images' | 'other';
  /** The requested model; null if none, or if it does not matter (`mentionsModel`). */
  readonly model: string | null;
}

/** The head of a response and its error, from the body or from the first event of the stream. */
export interface ResponseFacts {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null if the response has no readable error. */
  readonly envelope: ErrorEnvelope | null;
  /** Whether the error came as the first event of a 2xx stream. */
  readonly isFirstEvent: boolean;
  /** Whether the body begins like HTML. */
  readonly isHtml?: boolean;
}

const quotaCodes = new Set(['usage_limit_reached', 'insufficient_quota', 'quota_exceeded']);
/** Codes of spent credits and spending limits, under whatever status. */
const CREDITS =
  /^insufficient_quota$|credits?_(?:balance_)?(?:exhausted|depleted)$|credit_balance_exhausted|spend_limit_exceeded$/;
const deactivatedCodes = new Set([
  'account_deactivated',
  'account_suspended',
  'account_deleted',
  'deactivated_workspace',
]);
/** The code of a 402 that names none. */
export const PAYMENT_REQUIRED = 'payment_required';
const rateCodes = new Set(['rate_limit_exceeded', 'slow_down']);
const WRONG_PLACE = 'unsupported_country_region_territory';

/**
 * Turns a response into an outcome (docs/protocol.md, errors). No other code interprets upstream's status or error
 * codes.
 */
export function classify(response: ResponseFacts, asked: AskedRequest, now: number): AttemptOutcome {
  const { status, envelope, isFirstEvent } = response;
  const isGood = status >= 200 && status < 300;
  if (isGood && envelope === null) return { kind: 'success' };
  if (isEdgePage(response, asked.route)) return { kind: 'edge-block' };
  const codes = envelope?.codes ?? [];
  const has = (known: ReadonlySet<string>) => codes.some((it) => known.has(it));
  const deactivated = codes.find((it) => deactivatedCodes.has(it));
  const scope = scopeOf(response, asked);

  if (isWrongPlace(response)) return { kind: 'wrong-place' };
  if (deactivated !== undefined) return { kind: 'deactivated', code: deactivated };
  if (codes.some((it) => CREDITS.test(it))) return quotaExhausted(response, scope.ofQuota);
  if (status === 402 && asked.route === 'images') return quotaExhausted(response, scope.ofQuota);
  if (status === 402) return { kind: 'deactivated', code: PAYMENT_REQUIRED };
  if (status === 401) return { kind: 'unauthorized', scope: scope.ofAll };
  const canBeLimit = status === 429 || isFirstEvent;
  if (canBeLimit && has(quotaCodes)) return quotaExhausted(response, scope.ofQuota);
  if (canBeLimit && codes.includes('usage_not_included')) return { kind: 'not-entitled', model: asked.model };
  if (status === 503 || isFirstEvent) {
    const isOverload =
      codes.includes('server_is_overloaded') || /\bat capacity\b/i.test(envelope?.message ?? '');
    if (isOverload || (codes.includes('slow_down') && wait(response, now) === null))
      return { kind: 'overloaded' };
  }
  if (status === 429 || ((isFirstEvent || status === 503) && has(rateCodes)))
    return { kind: 'rate-limited', scope: scope.ofRate, retryAfterMs: wait(response, now) };
  if ((status === 400 || isFirstEvent) && codes.includes('invalid_encrypted_content'))
    return { kind: 'cross-account-content' };
  const canBeModel = isFirstEvent || status === 400 || status === 403 || status === 404;
  if (canBeModel && envelope !== null && isModelRefusal(envelope, asked.model))
    return { kind: 'not-entitled', model: asked.model };
  if (isFirstEvent) return { kind: 'turn-failed' };
  if (status === 403) return { kind: 'forbidden', scope: scope.ofAll, code: codes[0] ?? '' };
  if (status === 500 || (status >= 502 && status <= 504) || (status >= 520 && status <= 530))
    return { kind: 'upstream-error', scope: scope.ofAll };
  return { kind: 'client-error' };
}

/** The meter that a response names as the one that counts its request; null if it names none. */
export function meterIn({ headers, envelope }: Pick<ResponseFacts, 'headers' | 'envelope'>): string | null {
  const header = headers['x-codex-active-limit'];
  // A header that was sent twice is joined by commas.
  const named = typeof header === 'string' ? meterKey(header.split(',')[0] ?? '') : null;
  const inBody = envelope?.limitName == null ? null : meterKey(envelope.limitName);
  return inBody ?? named;
}

/** The scopes that a refusal can have: an image request never says anything about turns. */
function scopeOf(
  response: ResponseFacts,
  { route }: AskedRequest,
): { ofAll: RefusalScope; ofQuota: RefusalScope; ofRate: RefusalScope } {
  if (route === 'images') return { ofAll: 'images', ofQuota: 'images', ofRate: 'images' };
  const meter = meterIn(response);
  const ofQuota = meter === null ? GENERAL_SCOPE : meterScope(meter);
  return { ofAll: 'account', ofQuota, ofRate: ofQuota === GENERAL_SCOPE ? 'account' : ofQuota };
}

function isWrongPlace({ status, envelope, isFirstEvent }: ResponseFacts): boolean {
  if (envelope === null) return false;
  if (envelope.codes.includes(WRONG_PLACE)) return true;
  const isRefusal = status === 403 || isFirstEvent;
  return isRefusal && /\bcountry, region,? or territory not supported\b/i.test(envelope.message);
}

function wait({ headers, envelope }: ResponseFacts, now: number): number | null {
  return retryAfterMs(headers['retry-after'], envelope?.message ?? '', now);
}

function quotaExhausted(response: ResponseFacts, scope: RefusalScope): AttemptOutcome {
  const { envelope } = response;
  const hint = { resetsAt: envelope?.resetsAt ?? null, resetsInSeconds: envelope?.resetsInSeconds ?? null };
  return { kind: 'quota-exhausted', scope, isMeterNamed: meterIn(response) !== null, hint };
}
