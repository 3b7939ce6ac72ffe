import type { Account } from '../../accounts/account.js';
import type { Assessment } from '../../accounts/unavailable.js';
import { lastSuccessAt } from '../../accounts/evidence/account-evidence.js';
import type { AccountQuota } from '../../usage/account-quota.js';
import { whereKept } from '../../tokens/stored-credential.js';
import type { QuotaWindow } from '../../usage/quota-window.js';
import type { UsageTotals } from '../../usage/usage.service.js';

/** An account as shown to the operator: everything except secrets. Times are epoch ms, shares 0–1. */
export interface AccountView {
  readonly name: string;
  readonly label: string | null;
  readonly paused: boolean;
  readonly priority: number;
  /** Share of each quota window that the pool never uses. */
  readonly reserve: number;
  readonly maxInFlight: number | null;
  /** Whether its credits may serve once the quota is used up: after all other accounts, or never. */
  readonly credits: string;
  readonly available: boolean;
  /** Why it may not serve; null if it may. */
  readonly reason: string | null;
  /** Time at which that ends by itself; null if unknown or never. */
  readonly until: number | null;
  readonly inFlight: number;
  readonly plan: string | null;
  /** Exposed only here, nowhere else in the program. */
  readonly email: string | null;
  readonly accountId: string | null;
  readonly userId: string | null;
  /** Expiry of the access token. */
  readonly expiresAt: number | null;
  readonly lastRefreshAt: number | null;
  readonly refresh: string;
  readonly lastSuccessAt: number | null;
  /** For example: the file has become broken, its mode is too wide, tokens could not be written, the login is shared. */
  readonly warnings: readonly string[];
  /** The refusals in force, each with its scope: `account`, `images`, `meter:<name>` or `model:<name>`. */
  readonly refusals: readonly RefusalView[];
  readonly windows: readonly QuotaWindow[];
  /** Meters other than the general one. */
  readonly meters: readonly MeterView[];
  /** Null if unknown. `balance` null: upstream gave none. */
  readonly creditStatus: {
    readonly hasCredits: boolean;
    readonly unlimited: boolean;
    readonly balance: number | null;
  } | null;
  readonly totals: UsageTotals;
}

/** A refusal that keeps the account from serving requests in its scope. */
interface RefusalView {
  readonly scope: string;
  readonly reason: string;
  readonly at: number;
  readonly until: number;
}

/** A meter of the account; `allowed` null: upstream did not say. */
interface MeterView {
  readonly name: string;
  readonly label: string | null;
  readonly allowed: boolean | null;
  readonly windows: readonly QuotaWindow[];
}

export function accountView(
  account: Account,
  { unavailable, isLastResort }: Assessment,
  sharedLoginWarning: string | null,
  quota: AccountQuota,
  now: number,
  totals: UsageTotals,
): AccountView {
  const { settings } = account;
  const { credential, refresh, warning, unsaved } = account.storedCredential;
  return {
    name: account.name,
    label: settings.label,
    paused: settings.isPaused,
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
    windows: quota.general.windows,
    meters: [...quota.meters].map(([meterName, { label, statement, windows }]) => ({
      name: meterName,
      label,
      allowed: statement?.isAllowed ?? null,
      windows,
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
  };
}

function refusalViews({ evidence }: Account, now: number): RefusalView[] {
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
export function brokenView(name: string, reason: string, keptIn: string | null) {
  return {
    name,
    label: null,
    paused: false,
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
    totals: { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 },
  } satisfies AccountView;
}
