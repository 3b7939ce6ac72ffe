import type { PoolProblem, Summary } from '../../api/summary.js';

/** A notification of the browser. Notifications of one `tag` replace each other. */
export interface PoolNotification {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
}

/** The notifications that the watcher has already shown. */
export interface Told {
  readonly problems: ReadonlySet<string>;
  readonly isOut: boolean;
}

type WatchedSummary = Pick<Summary, 'verdict' | 'problems'>;

/** The verdicts under which no turn is served. */
const outKinds: ReadonlySet<Summary['verdict']['kind']> = new Set([
  'waits',
  'needs-person',
  'none-yet',
  'way-blocked',
]);
/** The most notifications of one change; a pool of 200 accounts must not flood the desktop. */
const MOST_AT_ONCE = 3;

/**
 * Returns the state from which later changes are told: all that is so now counts as known. `before`: the state before; a
 * program that stops is out or not as it was.
 */
export function alreadyTold({ verdict, problems }: WatchedSummary, before: Told | null = null): Told {
  const isOut = verdict.kind === 'stopping' ? before?.isOut === true : outKinds.has(verdict.kind);
  return { problems: new Set(problems.map(keyOf)), isOut };
}

/** Returns the notifications for all that is new in a summary: problems that began, and the pool going out or back. */
export function notificationsFor(told: Told, summary: WatchedSummary): PoolNotification[] {
  const isOut = outKinds.has(summary.verdict.kind);
  const pool: PoolNotification[] =
    isOut === told.isOut || summary.verdict.kind === 'stopping'
      ? []
      : [
          {
            title: isOut ? 'The pool is out' : 'The pool is back',
            body: plain(summary.verdict.sentence),
            tag: 'pool',
          },
        ];
  const fresh = summary.problems.filter((it) => !told.problems.has(keyOf(it)));
  const problems = fresh.slice(0, MOST_AT_ONCE).map((it) => ({
    title: plain(it.account === null ? 'codex-pool' : `codex-pool: ${it.account}`),
    body: plain(it.sentence),
    tag: tagOf(it),
  }));
  return [...pool, ...problems];
}

/** Returns a tag that tells problems apart, and contains no e-mail address either. */
function tagOf(problem: PoolProblem): string {
  const key = keyOf(problem);
  return plain(key) === key ? key : `${problem.code}:${hashOf(key).toString(36)}`;
}

/** Returns 32 bits of FNV-1a, over UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function keyOf({ code, account }: PoolProblem): string {
  return account === null ? code : `${code}:${account}`;
}

/** Replaces e-mail addresses: a notification may show on a locked screen, and an account may be named like its address. */
function plain(text: string): string {
  return text.replaceAll(/[^\s@"'<>()]+@[^\s@"'<>()]+/g, 'an account');
}
