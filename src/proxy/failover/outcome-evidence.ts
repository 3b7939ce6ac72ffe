import type { AccountEvent } from '../../accounts/evidence/account-event.js';
import type { RefusalScope } from '../../accounts/evidence/refusal-scope.js';
import { quotaBackAt } from '../../accounts/evidence/cooldown.js';
import { pausedUntil, type RefreshState } from '../../tokens/refresh-state.js';
import type { QuotaWindow } from '../../usage/quota-window.js';
import type { AttemptOutcome } from '../outcome/outcome.js';

/** The facts that determine what an outcome means for its account. Times are epoch ms. */
export interface OutcomeFacts {
  readonly startedAt: number;
  readonly at: number;
  /** The token had just been refreshed for this request. */
  readonly hasRefreshed: boolean;
  /** The scopes that a success is about. */
  readonly scopes: readonly RefusalScope[];
  /** The requested model, if upstream has named the meter that counts it; else null. */
  readonly meteredModel: string | null;
  /** The quota windows of the refusal's scope, including those in this response. */
  readonly windows: readonly QuotaWindow[];
  readonly refresh: RefreshState;
  /** The network or upstream as a whole is known to be at fault, so errors say nothing about the account. */
  readonly isExcused: boolean;
}

/** Returns the evidence that an outcome gives about its account; null if none. */
export function evidenceOf(outcome: AttemptOutcome, facts: OutcomeFacts): AccountEvent | null {
  const { at, startedAt, scopes, meteredModel, refresh } = facts;
  switch (outcome.kind) {
    case 'success':
      return { kind: 'served', scopes, meteredModel, startedAt, at };
    case 'quota-exhausted':
      return {
        kind: 'quota-exhausted',
        scope: outcome.scope,
        meteredModel,
        until: quotaBackAt(outcome.hint, facts.windows, at),
        at,
      };
    case 'rate-limited':
      return {
        kind: 'rate-limited',
        scope: outcome.scope,
        meteredModel,
        retryAfterMs: outcome.retryAfterMs,
        startedAt,
        at,
      };
    case 'upstream-error':
      return facts.isExcused ? null : { kind: 'upstream-error', scope: outcome.scope, startedAt, at };
    case 'forbidden':
      return { kind: 'forbidden', scope: outcome.scope, at };
    case 'deactivated':
      return { kind: 'deactivated', code: outcome.code, at };
    case 'not-entitled':
      return outcome.model === null ? null : { kind: 'not-entitled', model: outcome.model, at };
    case 'refresh-failed': {
      const until = pausedUntil(refresh);
      return until !== null && !facts.isExcused
        ? { kind: 'unauthorized', scope: 'account', until, at }
        : null;
    }
    case 'unauthorized': // a refresh may help the first time
      return facts.hasRefreshed ? { kind: 'unauthorized', scope: outcome.scope, until: null, at } : null;
    case 'opened': // an open WebSocket says nothing about the turns to come
    case 'needs-login': // the vault knows already
    case 'edge-block': // the next four are faults of the network or upstream
    case 'wrong-place':
    case 'overloaded':
    case 'unreachable':
    case 'cross-account-content': // the rest is about the request or the client
    case 'client-error':
    case 'turn-failed':
    case 'client-gone':
      return null;
    default:
      return outcome satisfies never;
  }
}

/** Returns the evidence that the end of a relayed response gives about its account; null if none. */
export function evidenceOfEnd(
  end: 'complete' | 'cut' | 'client-gone',
  scope: RefusalScope,
  startedAt: number,
  at: number,
): AccountEvent | null {
  if (end === 'client-gone') return null;
  return { kind: end === 'cut' ? 'cut' : 'completed', scope, startedAt, at };
}
