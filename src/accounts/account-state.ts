import type { AccountState, AccountView } from '../api/account.js';
import { limits } from '../config/limits.js';
import type { Account } from './account.js';
import { evidenceIn } from './evidence/account-evidence.js';
import { GENERAL_SCOPE } from './evidence/refusal-scope.js';
import type { Assessment, UnavailableReason } from './unavailable.js';

/** The state of an account for the operator, with its beginning (epoch ms; null if unknown). */
export interface Standing {
  readonly state: AccountState;
  readonly since: number | null;
  /** Why it serves after all others; absent in any other state. */
  readonly lastFor?: NonNullable<AccountView['lastFor']>;
}

/** The state for each reason why an account may not serve. */
export const stateOfReason: Readonly<Record<UnavailableReason, AccountState>> = {
  removed: 'leaving',
  'broken-file': 'broken-file',
  paused: 'paused',
  'needs-login': 'needs-login',
  deactivated: 'deactivated',
  'refresh-failing': 'token-not-renewed',
  'not-entitled': 'resting',
  full: 'full',
  reserved: 'at-limit',
  'quota-exhausted': 'at-limit',
  'rate-limited': 'resting',
  unauthorized: 'resting',
  'upstream-error': 'resting',
};

/** Derives the state of an account from its assessment for turns of any model, and from its evidence. */
export function standingOf(
  account: Pick<Account, 'evidence' | 'settings' | 'storedCredential'>,
  { unavailable, isOverQuota, isLastResort }: Assessment,
  now: number,
): Standing {
  if (unavailable !== null) {
    const { reason } = unavailable;
    return { state: stateOfReason[reason], since: beginningOf(account, reason, now) };
  }
  const { forbiddenAt } = evidenceIn(account.evidence, 'account');
  if (isLastResort) return { state: 'last-in-line', since: null, lastFor: 'token' };
  if (isOverQuota) return { state: 'last-in-line', since: null, lastFor: 'quota' };
  if (forbiddenAt !== null && forbiddenAt > now - limits.forbiddenMs)
    return { state: 'last-in-line', since: forbiddenAt, lastFor: 'refusal' };
  return { state: 'ready', since: null };
}

function beginningOf(
  {
    evidence,
    settings,
    storedCredential: { refresh },
  }: Pick<Account, 'evidence' | 'settings' | 'storedCredential'>,
  reason: UnavailableReason,
  now: number,
): number | null {
  switch (reason) {
    case 'paused':
      return settings.pausedAt;
    case 'deactivated':
      return evidence.deactivated?.at ?? null;
    case 'needs-login':
      return refresh.kind === 'refused' ? refresh.at : null;
    case 'refresh-failing':
      return refresh.kind === 'in-doubt' ? refresh.since : null;
    case 'removed':
    case 'broken-file':
    case 'full':
    case 'reserved':
      return null;
    case 'not-entitled':
    case 'quota-exhausted':
    case 'rate-limited':
    case 'unauthorized':
    case 'upstream-error':
      for (const scope of ['account', GENERAL_SCOPE] as const) {
        const { refusal } = evidenceIn(evidence, scope);
        if (refusal !== null && refusal.kind === reason && refusal.until > now) return refusal.at;
      }
      return null;
    default:
      return reason satisfies never;
  }
}
