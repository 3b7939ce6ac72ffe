import type { AccountEvent } from '../../accounts/account-evidence.js';
import { quotaBackAt } from '../../accounts/cooldown.js';
import { pausedUntil, type RefreshState } from '../../tokens/refresh-state.js';
import type { QuotaWindow } from '../../usage/quota-window.js';
import type { AttemptOutcome } from '../upstream/outcome.js';

/** What the meaning of an outcome for its account depends on. Times are epoch ms. */
export interface OutcomeFacts {
  readonly startedAt: number;
  readonly at: number;
  /** The token that was sent had just been refreshed for this request. */
  readonly hasRefreshed: boolean;
  /** The model that the request asks for; null when it names none. Wanted for `not-entitled` alone. */
  readonly model: string | null;
  /** The account's quota windows, those of this answer included. */
  readonly windows: readonly QuotaWindow[];
  readonly refresh: RefreshState;
  /** The network is known to be at fault: what could be its doing says nothing about the account. */
  readonly isExcused: boolean;
}

/** What an outcome says about its account; null for nothing. */
export function evidenceOf(outcome: AttemptOutcome, facts: OutcomeFacts): AccountEvent | null {
  const { at, startedAt, model, refresh } = facts;
  switch (outcome.kind) {
    case 'success':
      return { kind: 'served', startedAt, at };
    case 'quota-exhausted':
      return { kind: 'quota-exhausted', until: quotaBackAt(outcome.hint, facts.windows, at), at };
    case 'rate-limited':
      return { kind: 'rate-limited', retryAfterMs: outcome.retryAfterMs, startedAt, at };
    case 'upstream-error':
      return facts.isExcused ? null : { kind: 'upstream-error', startedAt, at };
    case 'forbidden':
      return { kind: 'forbidden', startedAt, at };
    case 'deactivated':
      return { kind: 'deactivated', code: outcome.code, at };
    case 'not-entitled':
      return model === null ? null : { kind: 'not-entitled', model, at };
    case 'refresh-failed': {
      const until = pausedUntil(refresh);
      return until !== null && !facts.isExcused ? { kind: 'unauthorized', until, at } : null;
    }
    case 'unauthorized': // the first time a refresh may help
      return facts.hasRefreshed ? { kind: 'unauthorized', until: null, at } : null;
    case 'opened': // that it lets in says nothing of what it will serve
    case 'needs-login': // the vault knows
    case 'edge-block': // these are the network's fault, not the account's
    case 'overloaded':
    case 'unreachable':
    case 'cross-account-content': // these say nothing about the account
    case 'client-error':
    case 'turn-failed':
    case 'client-gone':
      return null;
    default:
      return outcome satisfies never;
  }
}

/** What the end of an answer that was sent on says about its account. */
export function evidenceOfEnd(
  end: 'complete' | 'cut' | 'client-gone',
  startedAt: number,
  at: number,
): AccountEvent | null {
  if (end === 'client-gone') return null;
  return { kind: end === 'cut' ? 'cut' : 'completed', startedAt, at };
}
