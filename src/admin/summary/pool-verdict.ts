import type { AccountState } from '../../api/account.js';
import type { Verdict } from '../../api/summary.js';
import { endsByPerson, type Assessment } from '../../accounts/unavailable.js';
import { causesInWords, verdictSentence, type VerdictFacts } from '../../wording/verdict-words.js';

/** An account, or a broken file, as the verdict sees it. */
export interface JudgedAccount extends Pick<Assessment, 'unavailable'> {
  readonly name: string;
  readonly state: AccountState;
}

/** Everything that the verdict depends on. */
export interface PoolFacts {
  readonly isStopping: boolean;
  /** The selector's decision for a new session. */
  readonly decision: 'picked' | 'full' | 'none';
  /** Null unless one is picked. */
  readonly next: (Omit<Assessment, 'unavailable'> & { readonly name: string }) | null;
  readonly accounts: readonly JudgedAccount[];
  /** A fault of the network or of upstream, in a few words; null if none. */
  readonly trouble: string | null;
}

/** Returns whether the pool can serve a new session now. */
export function verdictOf(facts: PoolFacts, now: number): Verdict {
  const { accounts, next } = facts;
  const ready = accounts.filter((it) => it.unavailable === null).length;
  const verdict: VerdictFacts = {
    ...kindOf(facts),
    next: next?.name ?? null,
    accounts: accounts.length,
    ready,
  };
  const { kind, backAt } = verdict;
  return { kind, sentence: verdictSentence(verdict, now), next: verdict.next, backAt };
}

function kindOf(facts: PoolFacts): Pick<VerdictFacts, 'kind' | 'cause' | 'backAt'> {
  const { isStopping, decision, next, accounts, trouble } = facts;
  if (isStopping) return { kind: 'stopping', cause: null, backAt: null };
  if (accounts.length === 0) return { kind: 'none-yet', cause: null, backAt: null };
  if (decision !== 'none' && trouble !== null) return { kind: 'way-blocked', cause: trouble, backAt: null };
  if (decision === 'full') return { kind: 'full', cause: null, backAt: null };
  if (next !== null) {
    if (next.isLastResort)
      return { kind: 'serves-last-in-line', cause: 'its token seems to have ended', backAt: null };
    if (next.usesCredits) return { kind: 'serves-last-in-line', cause: null, backAt: null };
    if (next.isOverQuota) return { kind: 'serves-last-in-line', cause: 'over its quota', backAt: null };
    return { kind: 'serves', cause: null, backAt: null };
  }
  const cause = causesInWords(accounts);
  const canWait = accounts.some((it) => it.unavailable !== null && !endsByPerson(it.unavailable));
  return canWait
    ? { kind: 'waits', cause, backAt: earliestEnd(accounts) }
    : { kind: 'needs-person', cause, backAt: null };
}

/** The end of the first wait. The next try of a renewal may fail, so it counts only if nothing else has an end. */
function earliestEnd(accounts: readonly JudgedAccount[]): number | null {
  const endsOf = (some: readonly JudgedAccount[]) =>
    some.map((it) => it.unavailable?.until ?? null).filter((it) => it !== null);
  const sure = endsOf(accounts.filter((it) => it.state !== 'token-not-renewed'));
  const ends = sure.length > 0 ? sure : endsOf(accounts);
  return ends.length === 0 ? null : Math.min(...ends);
}
