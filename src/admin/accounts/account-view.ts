import { type Account, isPausedAt } from '../../accounts/account.js';
import { standingOf } from '../../accounts/account-state.js';
import type { Assessment } from '../../accounts/unavailable.js';
import { lastSuccessAt } from '../../accounts/evidence/account-evidence.js';
import type { AccountQuota } from '../../usage/account-quota.js';
import { whereKept } from '../../tokens/stored-credential.js';
import type { AccountView } from '../../api/account.js';
import { noUsage } from '../../usage/sums/rollup-sums.js';
import { type AccountFacts, accountSentence } from '../../wording/account-words.js';
import type { UsageTotals } from '../../usage/usage.service.js';

type Refusal = AccountView['refusals'][number];

/** Facts about an account that other services hold. */
interface Surroundings {
  readonly sharedLoginWarning: string | null;
  readonly quota: AccountQuota;
  readonly totals: UsageTotals;
  readonly today: UsageTotals;
  readonly now: number;
}

/** Shows an account to the operator: everything except secrets. */
export function accountView(
  account: Account,
  assessment: Assessment,
  { sharedLoginWarning, quota, totals, today, now }: Surroundings,
): AccountView {
  const { unavailable, isLastResort } = assessment;
  const { settings } = account;
  const isPaused = isPausedAt(settings, now);
  const { credential, refresh, warning, unsaved } = account.storedCredential;
  const facts: AccountFacts = {
    name: account.name,
    label: settings.label,
    ...standingOf(account, assessment, now),
    paused: isPaused,
    pausedUntil: isPaused ? settings.pausedUntil : null,
    priority: settings.priority,
    reserve: settings.reserveRatio,
    maxInFlight: settings.maxInFlight,
    credits: settings.credits,
    available: unavailable === null,
    reason: unavailable?.reason ?? null,
    until: unavailable?.until ?? null,
    inFlight: account.inFlight,
    plan: account.plan,
    email: credential.email,
    accountId: credential.accountId,
    userId: credential.userId,
    expiresAt: credential.expiresAt,
    lastRefreshAt: credential.lastRefreshAt,
    refresh: refresh.kind,
    lastSuccessAt: lastSuccessAt(account.evidence),
    warnings: [
      account.withdrawal?.why ?? null,
      warning,
      unsaved?.reason ?? null,
      unavailable?.reason === 'needs-login' ? null : tokenWarning(account, isLastResort),
      sharedLoginWarning,
    ].filter((it) => it !== null),
    refusals: refusalViews(account, now),
    windows: [...quota.general.windows],
    meters: [...quota.meters].map(([meterName, { label, statement, windows }]) => ({
      name: meterName,
      label,
      allowed: statement?.isAllowed ?? null,
      windows: [...windows],
    })),
    creditStatus:
      quota.credits === null
        ? null
        : {
            hasCredits: quota.credits.hasCredits,
            unlimited: quota.credits.isUnlimited,
            balance: quota.credits.balance,
          },
    totals,
    today,
  };
  return withSentence(facts, now);
}

function withSentence(facts: AccountFacts, now: number): AccountView {
  return { ...facts, sentence: accountSentence(facts, now) };
}

function refusalViews({ evidence }: Account, now: number): Refusal[] {
  return [...evidence.scopes].flatMap(([scope, { refusal }]) =>
    refusal === null || refusal.until <= now
      ? []
      : [{ scope, reason: refusal.kind, at: refusal.at, until: refusal.until }],
  );
}

/** Returns the warning that the token cannot be refreshed, although the account may still serve; null if it can. */
function tokenWarning({ storedCredential }: Account, isLastResort: boolean): string | null {
  const { refresh, credential } = storedCredential;
  const { expiresAt, isExpiryEstimated } = credential;
  const refused = refresh.kind === 'refused' ? `The account needs a new login (${refresh.code})` : null;
  if (isLastResort) {
    const cause = refused ?? 'The access token cannot be refreshed now';
    return `${cause}: its access token seems to have ended, so it serves only if no other account can.`;
  }
  if (refused === null) return null;
  const isKnown = expiresAt !== null && !isExpiryEstimated;
  return `${refused}: it can be used until ${isKnown ? new Date(expiresAt).toISOString() : 'its access token expires'}.`;
}

/** Shows a broken credential file in the list of accounts, with the reason. `keptIn`: its last tokens, if there are any. */
export function brokenView(name: string, reason: string, keptIn: string | null, now: number): AccountView {
  const facts: AccountFacts = {
    name,
    label: null,
    state: 'broken-file',
    since: null,
    paused: false,
    pausedUntil: null,
    priority: 0,
    reserve: 0,
    maxInFlight: null,
    credits: 'last',
    available: false,
    reason,
    until: null,
    inFlight: 0,
    plan: null,
    email: null,
    accountId: null,
    userId: null,
    expiresAt: null,
    lastRefreshAt: null,
    refresh: 'none',
    lastSuccessAt: null,
    warnings: keptIn === null ? [] : [whereKept(name, keptIn)],
    refusals: [],
    windows: [],
    meters: [],
    creditStatus: null,
    totals: noUsage(),
    today: noUsage(),
  };
  return withSentence(facts, now);
}
