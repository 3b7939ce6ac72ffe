import type { RequestView } from '../api/request.js';

/** Words for the routing of a request: what decided, why accounts were passed over, how attempts and turns ended. */

/** The facts that a decision is made of. */
export type DecisionFacts = Pick<
  RequestView,
  'candidates' | 'moreCandidates' | 'attempts' | 'account' | 'movedFrom' | 'firstRefusal' | 'result'
>;

/**
 * Returns what decided the account of a request: `kept: session`, `moved: home at its limit`, `first choice: most quota
 * left`. `policy`: the selection policy in force; null if unknown.
 */
export function decisionWords(request: DecisionFacts, policy: string | null): string {
  const { account, attempts, result } = request;
  const first = attempts[0];
  if (first === undefined) return withoutAttempt(request);
  const left = leftAccount(request);
  if (left !== null) {
    if (first.by === 'operator' && first.account === account) return 'moved: by the operator';
    const cause = causeOfMove(request, left);
    return cause === null ? `moved: from ${left}` : `moved: ${left} ${cause}`;
  }
  if (result === 'local') return 'answered by codex-pool';
  switch (first.by) {
    case 'pinned':
      return 'kept: only this account can continue it';
    case 'affinity':
      return 'kept: session';
    case 'policy':
      return policy === null ? 'first choice' : `first choice: ${policyWords(policy)}`;
    default:
      return attemptWords(first.by);
  }
}

/** Returns a selection policy in words: `most quota left`. */
export function policyWords(policy: string): string {
  return lookUp(policies, policy);
}

/** Returns why an attempt was made: `the account of this session`. */
export function attemptWords(by: string): string {
  return lookUp(attemptReasons, by);
}

/** Returns why an account cannot serve, as a sentence that begins with its name: `home is at its limit`. */
export function unavailableSentence(name: string, reason: keyof typeof unavailable): string {
  return `${name} ${unavailable[reason]}`;
}

/** Returns why an account was passed over, to follow its name: `at its limit`. */
export function passedOverWords(reason: string): string {
  return lookUp(passedOver, reason);
}

/** Returns how an attempt ended, to follow the account's name: `at its limit`, `served`. */
export function outcomeWords(outcome: string): string {
  return lookUp(outcomes, outcome);
}

/** Returns how a request ended: `complete`, `client left`. */
export function resultWords(result: string): string {
  return lookUp(results, result);
}

/** Whether a request is over without having been served. A client that leaves is no failure. */
export function hasFailed(request: Pick<RequestView, 'result' | 'status' | 'attempts'>): boolean {
  if (request.result === 'running' || clientEnds.has(request.result)) return false;
  if (failedResults.has(request.result)) return true;
  const late = request.attempts.at(-1)?.failedLate ?? null;
  return late !== null || (request.status !== null && request.status >= 400);
}

/** Returns the account that the request left, or null if the first account served it. */
function leftAccount({ attempts, movedFrom }: DecisionFacts): string | null {
  if (movedFrom !== null) return movedFrom;
  const last = attempts.at(-1);
  return attempts.find((it) => it.account !== last?.account)?.account ?? null;
}

function causeOfMove({ attempts, candidates, firstRefusal }: DecisionFacts, left: string): string | null {
  const failed = attempts.findLast((it) => it.account === left);
  if (failed !== undefined) return outcomeWords(failed.outcome);
  const reason = candidates.find((it) => it.account === left)?.passedOver ?? null;
  if (reason !== null) return passedOverWords(reason);
  // In short form the attempts before the last one are gone.
  return firstRefusal?.startsWith(`${left}: `) === true
    ? outcomeWords(firstRefusal.slice(left.length + 2))
    : null;
}

/** The most accounts that one sentence names. */
const MOST_NAMED = 3;

function withoutAttempt({ candidates, moreCandidates = 0, result }: DecisionFacts): string {
  if (result === 'running') return 'not decided yet';
  if (result === 'local' || result === 'from cache') return resultWords(result);
  const out = candidates.flatMap(({ account, passedOver: reason }) =>
    reason === null ? [] : [`${account} ${passedOverWords(reason)}`],
  );
  if (out.length === 0) return 'no account was tried';
  const surplus = Math.max(0, out.length - MOST_NAMED) + moreCandidates;
  const more = surplus > 0 ? ` and ${surplus} more` : '';
  return `no account: ${out.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/** Returns the words for a key, or the key itself if a newer program sent it. */
function lookUp(words: ReadonlyMap<string, string>, key: string): string {
  return words.get(key) ?? key.replaceAll('-', ' ');
}

// Maps, not objects: a key such as `constructor` must not find an inherited member.
const policies: ReadonlyMap<string, string> = new Map([
  ['most-quota-left', 'most quota left'],
  ['sustainable-rate', 'highest sustainable rate'],
  ['fewest-in-flight', 'fewest turns running'],
  ['fill-first', 'first in order'],
  ['round-robin', 'next in turn'],
]);

const attemptReasons: ReadonlyMap<string, string> = new Map([
  ['pinned', 'only this account can continue it'],
  ['affinity', 'the account of this session'],
  ['policy', 'chosen by the policy'],
  ['operator', 'chosen by the operator'],
  ['refresh', 'again, with a refreshed token'],
  ['retry', 'again, after a fault'],
  ['retry-at-once', 'again, on a new connection'],
  ['strip', 'again, without the encrypted items of another account'],
  ['go-back', 'back to the account that wrote the encrypted items'],
]);

const unavailable = {
  removed: 'has left the pool',
  'broken-file': 'has a file that is not usable',
  paused: 'is paused',
  'needs-login': 'needs a login',
  deactivated: 'is deactivated',
  'refresh-failing': 'cannot renew its token',
  'not-entitled': 'may not use this model',
  full: 'is full',
  reserved: 'has only its reserve left',
  'quota-exhausted': 'is at its limit',
  'rate-limited': 'is rate limited',
  unauthorized: 'had its token rejected',
  'upstream-error': 'had too many upstream errors',
} as const;

/** The same without a verb that a short line can do without. */
const passedOver: ReadonlyMap<string, string> = new Map(
  Object.entries(unavailable).map(([reason, words]) => [reason, words.replace(/^is /, '')]),
);

const outcomes: ReadonlyMap<string, string> = new Map([
  ['success', 'served'],
  ['opened', 'connected'],
  ['unauthorized', 'had its token rejected'],
  ['needs-login', 'needs a login'],
  ['refresh-failed', 'could not renew its token'],
  ['deactivated', 'deactivated'],
  ['edge-block', 'blocked at the edge of the network'],
  ['wrong-place', 'not served in this country'],
  ['forbidden', 'was refused (403)'],
  ['quota-exhausted', 'at its limit'],
  ['not-entitled', 'may not use this model'],
  ['rate-limited', 'rate limited'],
  ['overloaded', 'upstream overloaded'],
  ['upstream-error', 'upstream error'],
  ['cross-account-content', 'refused the encrypted items of another account'],
  ['client-error', 'refused the request itself'],
  ['turn-failed', 'the turn failed upstream'],
  ['unreachable', 'not reachable'],
  ['client-gone', 'the client left'],
]);

const results: ReadonlyMap<string, string> = new Map([
  ['running', 'running'],
  ['complete', 'complete'],
  ['cut', 'broken off'],
  ['client gone', 'client left'],
  ['client-gone', 'client left'],
  ['failed', 'failed'],
  ['failed inside the proxy', 'failed inside codex-pool'],
  ['reconnect', 'asked to reconnect'],
  ['opened', 'connected'],
  ['local', 'answered by codex-pool'],
  ['from cache', 'answered from the cache'],
]);

const clientEnds: ReadonlySet<string> = new Set(['client gone', 'client-gone', 'reconnect']);
const failedResults: ReadonlySet<string> = new Set(['failed', 'failed inside the proxy', 'cut']);
