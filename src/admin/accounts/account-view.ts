import type { Account } from '../../accounts/account.js';
import type { Unavailable } from '../../accounts/availability.js';
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
  readonly windows: readonly QuotaWindow[];
  readonly totals: UsageTotals;
}

export function accountView(
  account: Account,
  unavailable: Unavailable | null,
  sharedLoginWarning: string | null,
  windows: readonly QuotaWindow[],
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
    lastSuccessAt: account.evidence.lastSuccessAt,
    warnings: [
      account.withdrawal?.why ?? null,
      warning,
      unsaved?.reason ?? null,
      unavailable?.reason === 'needs-login' ? null : loginWarning(account),
      sharedLoginWarning,
    ].filter((it) => it !== null),
    windows,
    totals,
  };
}

/** Returns the warning that the account can still be used but its token cannot be refreshed; null if it can. */
function loginWarning({ storedCredential: { refresh }, tokenEndsAt }: Account): string | null {
  if (refresh.kind !== 'refused') return null;
  const until = tokenEndsAt === null ? 'its access token expires' : new Date(tokenEndsAt).toISOString();
  return `The account needs a new login (${refresh.code}): it can be used until ${until}.`;
}

/** Shows a broken credential file in the list of accounts, with the reason. */
export function brokenView(name: string, reason: string) {
  return {
    name,
    label: null,
    paused: false,
    priority: 0,
    reserve: 0,
    maxInFlight: null,
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
    warnings: [],
    windows: [],
    totals: { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 },
  } satisfies AccountView;
}
