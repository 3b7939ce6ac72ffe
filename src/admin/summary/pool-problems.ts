import type { AccountView } from '../../api/account.js';
import type { PoolProblem, Verdict } from '../../api/summary.js';
import { limits } from '../../config/limits.js';
import type { UpstreamTrouble } from '../../observability/upstream-health.js';
import { problemSentences } from '../../wording/problem-words.js';

/** Facts about one account, or about a broken file. */
export interface AccountFindings extends Pick<
  AccountView,
  'name' | 'state' | 'since' | 'until' | 'pausedUntil'
> {
  /** Why a file is broken; null otherwise. */
  readonly brokenCause: string | null;
  /** The refresh token is refused for good; the access token still serves. */
  readonly needsLoginSoon: boolean;
  /** Why the newest tokens are not in the file; null if they are. */
  readonly unsaved: string | null;
  /** Null if no client shares its login. */
  readonly sharedLogin: string | null;
}

/** Everything that may be wrong. Sentences of detectors are taken as they are; null: nothing is wrong. */
export interface Findings {
  readonly verdict: Verdict['kind'];
  readonly accounts: readonly AccountFindings[];
  /** `short`: the cause in a few words. */
  readonly upstream:
    | (Pick<UpstreamTrouble, 'kind' | 'since'> & { readonly sentence: string; readonly short: string })
    | null;
  readonly bypass: string | null;
  readonly database: string | null;
  readonly hasSeenTurn: boolean;
}

/** Returns the problems that a person should know of: the pool's first, then those of accounts, by name; bounded. */
export function problemsIn(findings: Findings, now: number): PoolProblem[] {
  const all = [...poolProblems(findings), ...accountProblems(findings, now)];
  const surplus = all.length - limits.summaryProblems;
  if (surplus <= 0) return all;
  const more = pool('more-problems', problemSentences.more(surplus + 1), null);
  return [...all.slice(0, limits.summaryProblems - 1), more];
}

function* poolProblems(findings: Findings): Generator<PoolProblem> {
  const { accounts, upstream, bypass, database, hasSeenTurn } = findings;
  if (upstream !== null)
    yield { ...pool(`upstream-${upstream.kind}`, upstream.sentence, null), since: upstream.since };
  if (accounts.length === 0) yield pool('empty-pool', problemSentences.emptyPool, 'add-account');
  if (bypass !== null) yield pool('turns-bypass', bypass, 'set-up');
  else if (accounts.length > 0 && !hasSeenTurn)
    yield pool('no-turn-yet', problemSentences.noTurnYet, 'set-up');
  if (database !== null) yield pool('database-off', problemSentences.databaseOff(database), null);
}

function* accountProblems({ accounts, verdict }: Findings, now: number): Generator<PoolProblem> {
  const isNoneLeft = verdict === 'waits' || verdict === 'needs-person';
  for (const it of accounts) {
    const { name, state, until } = it;
    const of = (code: string, sentence: string, action: PoolProblem['action']): PoolProblem => ({
      code,
      account: name,
      since: it.since,
      sentence,
      action,
    });
    if (state === 'needs-login') yield of('needs-login', problemSentences.needsLogin(it.name), 'login');
    else if (it.needsLoginSoon)
      yield of('needs-login-soon', problemSentences.needsLoginSoon(it.name), 'login');
    if (state === 'deactivated') yield of('deactivated', problemSentences.deactivated(it.name), 'login');
    if (state === 'token-not-renewed')
      yield of('token-not-renewed', problemSentences.tokenNotRenewed(name, until, now), 'refresh');
    if (it.brokenCause !== null)
      yield of('broken-file', problemSentences.brokenFile(name, it.brokenCause), 'reload');
    if (it.unsaved !== null)
      yield of('tokens-not-stored', problemSentences.tokensNotStored(name, it.unsaved), null);
    if (it.sharedLogin !== null) yield of('shared-login', it.sharedLogin, 'set-up');
    if (state === 'paused' && it.pausedUntil === null && isNoneLeft)
      yield of('paused', problemSentences.paused(name), 'resume');
  }
}

function pool(code: string, sentence: string, action: PoolProblem['action']): PoolProblem {
  return { code, account: null, since: null, sentence, action };
}
