import type { IncomingHttpHeaders } from 'node:http';
import type { ResetHint } from '../../accounts/cooldown.js';
import type { ErrorEnvelope } from './error-envelope.js';
import { retryAfterMs } from './retry-after.js';

/** How one attempt ended. Other files decide what it means for the account and what happens next. */
export type AttemptOutcome =
  | { readonly kind: 'success' }
  /** A WebSocket is open; its turns have outcomes of their own. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'needs-login' }
  | { readonly kind: 'refresh-failed' }
  | { readonly kind: 'deactivated'; readonly code: string }
  | { readonly kind: 'edge-block' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'quota-exhausted'; readonly hint: ResetHint }
  | { readonly kind: 'not-entitled' }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number | null }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'upstream-error' }
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

/** The head of a response and its error, from the body or from the first event of the stream. */
export interface ResponseFacts {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null if the response has no readable error. */
  readonly envelope: ErrorEnvelope | null;
  /** Whether the error came as the first event of a 2xx stream. */
  readonly isFirstEvent: boolean;
}

const quotaCodes = new Set(['usage_limit_reached', 'insufficient_quota', 'quota_exceeded']);
const deactivatedCodes = new Set([
  'account_deactivated',
  'account_suspended',
  'account_deleted',
  'deactivated_workspace',
]);
const rateCodes = new Set(['rate_limit_exceeded', 'slow_down']);
const modelCodes = new Set(['model_not_supported', 'model_not_found', 'unsupported_model']);

/**
 * Turns a response into an outcome (docs/protocol.md, errors). No other code interprets upstream's status or error
 * codes.
 */
export function classify(response: ResponseFacts, now: number): AttemptOutcome {
  const { status, envelope, isFirstEvent } = response;
  const isGood = status >= 200 && status < 300;
  if (isGood && envelope === null) return { kind: 'success' };
  const codes = envelope?.codes ?? [];
  const has = (known: ReadonlySet<string>) => codes.some((it) => known.has(it));
  const deactivated = codes.find((it) => deactivatedCodes.has(it));

  if (status === 402 || deactivated !== undefined)
    return { kind: 'deactivated', code: deactivated ?? 'payment_required' };
  if (status === 401) return { kind: 'unauthorized' };
  const canBeLimit = status === 429 || isFirstEvent;
  if (canBeLimit && has(quotaCodes)) return { kind: 'quota-exhausted', hint: resetHint(envelope) };
  if (canBeLimit && codes.includes('usage_not_included')) return { kind: 'not-entitled' };
  if (status === 503 || isFirstEvent) {
    const isOverload =
      codes.includes('server_is_overloaded') || /\bat capacity\b/i.test(envelope?.message ?? '');
    if (isOverload || (codes.includes('slow_down') && wait(response, now) === null))
      return { kind: 'overloaded' };
  }
  if (status === 429 || ((isFirstEvent || status === 503) && has(rateCodes)))
    return { kind: 'rate-limited', retryAfterMs: wait(response, now) };
  if ((status === 400 || isFirstEvent) && codes.includes('invalid_encrypted_content'))
    return { kind: 'cross-account-content' };
  if (isFirstEvent) return { kind: 'turn-failed' };
  if (status === 403) return isEdgePage(response) ? { kind: 'edge-block' } : { kind: 'forbidden' };
  if (status === 400 && (has(modelCodes) || isModelRefusal(envelope))) return { kind: 'not-entitled' };
  if (status === 500 || (status >= 502 && status <= 504) || (status >= 520 && status <= 530))
    return { kind: 'upstream-error' };
  return { kind: 'client-error' };
}

/**
 * The meaning of a failure event that comes after output, when nothing can be retried (docs/protocol.md, section
 * 4).
 */
export function classifyLateFailure(envelope: ErrorEnvelope, now: number): AttemptOutcome {
  return classify({ status: 200, headers: {}, envelope, isFirstEvent: true }, now);
}

function wait({ headers, envelope }: ResponseFacts, now: number): number | null {
  return retryAfterMs(headers['retry-after'], envelope?.message ?? '', now);
}

function resetHint(envelope: ErrorEnvelope | null): ResetHint {
  return { resetsAt: envelope?.resetsAt ?? null, resetsInSeconds: envelope?.resetsInSeconds ?? null };
}

/** Whether the response is a page from the network in front of upstream. It says nothing about the account. */
function isEdgePage({ headers, envelope }: ResponseFacts): boolean {
  const type = headers['content-type'] ?? '';
  if (type.includes('html') || headers['cf-mitigated'] !== undefined) return true;
  return envelope === null && /cloudflare/i.test(String(headers['server'] ?? ''));
}

/** Codes of a setting that the model rejects: a client mistake on every account. */
const settingCodes = new Set(['unsupported_parameter', 'unsupported_value', 'invalid_value']);

/** Whether upstream refuses the model itself to this account. */
function isModelRefusal(envelope: ErrorEnvelope | null): boolean {
  if (envelope?.codes.some((it) => settingCodes.has(it)) === true) return false;
  return /\bmodel\b.{0,80}\bnot (supported|available)\b/i.test(envelope?.message ?? '');
}
