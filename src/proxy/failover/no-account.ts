import type { ConsideredCandidate } from '../../accounts/selection/account-selector.js';
import { endsByPerson } from '../../accounts/unavailable.js';
import { planCapacity } from '../../accounts/plan-capacity.js';
import { accountReasons, timeUntil } from './account-reasons.js';
import { limits } from '../../config/limits.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import type { LocalResponse } from '../response/local-response.js';

/** The facts that determine the local response when no account can serve a request. */
export interface NoAccount {
  /** The accounts that may use the model, as they stand now; all if none may. */
  readonly candidates: readonly ConsideredCandidate[];
  /** Every account, for the message. */
  readonly all: readonly ConsideredCandidate[];
  /** Identities of the accounts that the request was sent to. */
  readonly tried: ReadonlySet<string>;
  readonly lastOutcome: AttemptOutcome['kind'] | null;
  /**
   * The client is Codex: it prints a 400 at once, but retries a 503 for 25 s, and silently waits out any `Retry-After`.
   */
  readonly isCodex: boolean;
  /** The current problem with the network, the place or upstream, as a sentence; null if none. */
  readonly problem: string | null;
}

/**
 * Returns the local response when no account can serve. Its message gives each account's reason, and any problem with
 * the network or the place. Never 401: the client would drop its login.
 */
export function whyNoAccount(end: NoAccount, now: number): LocalResponse {
  const response = responseTo(end, now);
  const reasons = accountReasons(end.all, now);
  const known = [response.message, end.problem, reasons === '' ? null : `${reasons}.`];
  return { ...response, message: known.filter((it) => it !== null).join(' ') };
}

function responseTo(end: NoAccount, now: number): LocalResponse {
  const { candidates, tried, lastOutcome, isCodex } = end;
  if (lastOutcome === 'wrong-place') {
    return {
      status: isCodex ? 400 : 403,
      code: 'unsupported_country_region_territory',
      type: 'request_forbidden',
      message: 'Upstream does not support the country, region or territory that this machine seems to be in.',
    };
  }
  if (lastOutcome === 'edge-block') {
    return unavailable(
      'upstream_blocked',
      'The network edge in front of upstream blocks requests from this machine.',
      5,
    );
  }
  const isAnyFree = candidates.some((it) => it.unavailable === null);
  if (lastOutcome === 'unreachable' && isAnyFree) return unreachable();
  if (lastOutcome === 'unauthorized' && isAnyFree) {
    return unavailable('account_unauthorized', 'Upstream requires a new token; it is being fetched.', 1);
  }
  const isUntriedFree = candidates.some((it) => it.unavailable === null && !tried.has(it.account.id));
  if (isUntriedFree && tried.size > 0) {
    return unavailable(
      'attempt_budget_spent',
      'No account that was tried could serve the request; other accounts are left.',
      1,
    );
  }
  if (lastOutcome === 'rate-limited' && isAnyFree) return coolingDown(1); // a cooldown of milliseconds is over
  if (candidates.every((it) => it.unavailable !== null && endsByPerson(it.unavailable))) {
    return {
      status: isCodex ? 400 : 503,
      code: 'no_account_available',
      type: 'pool_unavailable',
      message:
        candidates.length === 0
          ? 'codex-pool has no account: put the auth.json of a ChatGPT login into its pool folder, one file per account, then POST /admin/reload.'
          : 'No account in codex-pool can serve; see GET /admin/accounts.',
    };
  }
  const earliest = earliestEnd(candidates);
  const seconds = earliest === null ? 0 : Math.max(1, Math.ceil((earliest - now) / 1_000));
  if (earliest !== null && earliest - now <= limits.shortWaitMs) {
    return coolingDown(seconds);
  }
  // If an account with quota is only full or unreachable, a retry may succeed; a usage limit would end the turn.
  const isEveryAccountOut = candidates.every(
    (it) => it.unavailable !== null && it.unavailable.reason !== 'full',
  );
  if (isEveryAccountOut && candidates.some((it) => it.unavailable?.reason === 'reserved'))
    return reserved(end);
  const quotaBack = earliestEnd(candidates.filter((it) => it.unavailable?.reason === 'quota-exhausted'));
  if (quotaBack !== null && isEveryAccountOut) {
    return {
      status: 429,
      code: 'usage_limit_reached',
      type: 'usage_limit_reached',
      message: 'The usage limit of every account in the pool has been reached.',
      fields: {
        plan_type: largestPlan(candidates),
        resets_at: Math.ceil(quotaBack / 1_000),
        resets_in_seconds: Math.max(1, Math.ceil((quotaBack - now) / 1_000)),
      },
    };
  }
  if (earliest !== null && isEveryAccountOut) return longCooldown(earliest, seconds, isCodex, now);
  if (candidates.some((it) => it.unavailable?.reason === 'full') && lastOutcome === null) {
    return unavailable('pool_full', 'Every account has reached its limit of requests in flight.', 1);
  }
  return unreachable();
}

function coolingDown(seconds: number): LocalResponse {
  return {
    status: 429,
    code: 'accounts_cooling_down',
    type: 'rate_limited',
    message: `All accounts are cooling down; the first is back in ${seconds} s.`,
    headers: { 'retry-after': String(seconds) },
  };
}

/** Codex would silently wait out a long `Retry-After`, so it gets the time in a message that it prints. */
function longCooldown(until: number, seconds: number, isCodex: boolean, now: number): LocalResponse {
  const message = `All accounts are cooling down; the first is ${timeUntil(until, now)}.`;
  if (!isCodex) return unavailable('accounts_cooling_down', message, seconds);
  return { status: 400, code: 'accounts_cooling_down', type: 'pool_unavailable', message };
}

/** The earliest end, epoch ms; null if no end is known. */
function earliestEnd(candidates: readonly ConsideredCandidate[]): number | null {
  const ends = candidates.flatMap((it) => (it.unavailable?.until == null ? [] : [it.unavailable.until]));
  return ends.length === 0 ? null : Math.min(...ends);
}

/** A reserve that the operator has set must not look like a limit of the provider. */
function reserved({ candidates, isCodex }: NoAccount): LocalResponse {
  const names = candidates.filter((it) => it.unavailable?.reason === 'reserved').map((it) => it.account.name);
  return {
    status: isCodex ? 400 : 503,
    code: 'quota_reserved',
    type: 'pool_unavailable',
    message: `The remaining quota of ${names.join(', ')} is reserved (\`reserve\`), and no other account can serve; see GET /admin/accounts.`,
  };
}

function largestPlan(candidates: readonly ConsideredCandidate[]): string {
  const plans = candidates.map((it) => it.account.plan).filter((it) => it !== null);
  return plans.toSorted((a, b) => planCapacity(b) - planCapacity(a))[0] ?? 'unknown';
}

function unreachable(): LocalResponse {
  return unavailable(
    'upstream_unreachable',
    'Upstream cannot be reached from this machine, or does not respond.',
    2,
  );
}

function unavailable(code: string, message: string, retryAfterSeconds: number): LocalResponse {
  return {
    status: 503,
    code,
    type: 'pool_unavailable',
    message,
    headers: { 'retry-after': String(retryAfterSeconds) },
  };
}
