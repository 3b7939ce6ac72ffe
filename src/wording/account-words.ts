import type { AccountState, AccountView } from '../api/account.js';
import { ago, clock, clockAndWait, durationName, percent, span } from './times.js';

/** The word for each state of an account. */
export const accountWords: Readonly<Record<AccountState, string>> = {
  ready: 'Ready',
  'last-in-line': 'Ready, last in line',
  full: 'Full',
  resting: 'Resting',
  'at-limit': 'At its limit',
  paused: 'Paused',
  'needs-login': 'Needs a login',
  'token-not-renewed': 'Token not renewed',
  deactivated: 'Deactivated',
  'broken-file': 'File not usable',
  leaving: 'Leaving',
};

/** The shape beside a word, so that no state is known by its colour alone. */
export const accountShapes: Readonly<Record<AccountState, '●' | '◐' | '○' | '▲'>> = {
  ready: '●',
  'last-in-line': '●',
  full: '◐',
  resting: '◐',
  'at-limit': '◐',
  paused: '○',
  'needs-login': '▲',
  'token-not-renewed': '▲',
  deactivated: '▲',
  'broken-file': '▲',
  leaving: '○',
};

/** The facts that the line below the word is made of. */
export type AccountFacts = Omit<AccountView, 'sentence'>;

/** Returns the line below the word: the cause, and what ends it. */
export function accountLine(account: AccountFacts, now: number): string {
  switch (account.state) {
    case 'ready':
      return readyLine(account, now);
    case 'last-in-line':
      return lastInLine(account, now);
    case 'full':
      return `${account.inFlight} of ${account.maxInFlight ?? account.inFlight} turns running`;
    case 'resting':
      return restingLine(account, now);
    case 'at-limit':
      return atLimitLine(account, now);
    case 'paused':
      return account.pausedUntil === null ? 'until resumed' : `until ${clock(account.pausedUntil, now)}`;
    case 'needs-login':
      return account.since === null
        ? 'the login was refused'
        : `the login was refused at ${clock(account.since, now)}`;
    case 'token-not-renewed':
      return tokenLine(account, now);
    case 'deactivated':
      return `OpenAI has switched this account off${account.since === null ? '' : ` (seen ${clock(account.since, now)})`}`;
    case 'broken-file':
      return `${account.name}.json: ${brokenCause(account)}`;
    case 'leaving':
      return `${turns(account.inFlight)} still running`;
    default:
      return account.state satisfies never;
  }
}

function restingLine({ reason, until }: AccountFacts, now: number): string {
  const again = until === null ? 'again when upstream allows it' : `again in ${span(until - now)}`;
  const cause = restingCauses.get(reason ?? '');
  return cause === undefined ? again : `${cause}; ${again}`;
}

/** A rate limit needs no word: it is the usual cause. */
const restingCauses: ReadonlyMap<string, string> = new Map([
  ['unauthorized', 'upstream has rejected its token'],
  ['upstream-error', 'upstream has failed several turns in a row'],
]);

function atLimitLine({ reason, until }: AccountFacts, now: number): string {
  const back = until === null ? 'upstream does not say when it is back' : `back ${clockAndWait(until, now)}`;
  return reason === 'reserved' ? `only its reserve is left; ${back}` : back;
}

/** A file's reason is the cause; that of an account which still has turns is a word, and its first warning the cause. */
function brokenCause({ reason, warnings }: AccountFacts): string {
  const cause = reason === 'broken-file' ? warnings[0] : reason;
  return cause ?? 'it cannot be read';
}

/** Returns the state in one sentence: `At its limit: back 14:20 (in 38 min)`. */
export function accountSentence(account: AccountFacts, now: number): string {
  return `${accountWords[account.state]}: ${accountLine(account, now)}`;
}

/** Returns a count of turns: `1 turn`, `3 turns`. */
export function turns(count: number): string {
  return count === 1 ? '1 turn' : `${count} turns`;
}

function readyLine(account: AccountFacts, now: number): string {
  const parts = account.inFlight === 0 ? [] : [`${turns(account.inFlight)} running`];
  const [shortest] = account.windows;
  if (shortest !== undefined) {
    const { usedRatio, durationSeconds, resetsAt } = shortest;
    const isOver = resetsAt !== null && resetsAt <= now;
    const used = `${percent(isOver ? 0 : usedRatio)} of ${durationName(durationSeconds)} used`;
    parts.push(
      resetsAt === null || isOver
        ? used
        : `${used}, resets ${clock(resetsAt, now)} (in ${span(resetsAt - now)})`,
    );
  }
  parts.push(...exceptions(account, now));
  return parts.length === 0 ? 'its quota is not known yet' : parts.join(' · ');
}

/** Returns the requests that an account does not serve although it is ready, and until when. */
export function exceptions(account: AccountFacts, now: number): string[] {
  const byWindow = account.meters.flatMap(({ name, label, allowed, windows }) => {
    const isRefused = account.refusals.some((it) => it.scope === `meter:${name}`);
    const spent = windows.filter((it) => it.usedRatio >= 1 && (it.resetsAt ?? 0) > now);
    if (isRefused || allowed === true || spent.length === 0) return [];
    return [meterLine(label ?? name, Math.max(...spent.map((it) => it.resetsAt ?? 0)), now)];
  });
  const byRefusal = account.refusals.flatMap(({ scope, until }) => {
    const [kind, ...rest] = scope.split(':');
    const name = rest.join(':');
    if (kind === 'meter') return [meterLine(meterLabel(account, name), until, now)];
    if (kind === 'model') return [`not for ${name}`];
    return kind === 'images' ? [`no images until ${clock(until, now)}`] : [];
  });
  return [...byWindow, ...byRefusal];
}

function meterLine(label: string, until: number, now: number): string {
  return `${label} at its limit until ${clock(until, now)}, other models fine`;
}

function meterLabel(account: AccountFacts, name: string): string {
  return account.meters.find((it) => it.name === name)?.label ?? name;
}

function lastInLine(account: AccountFacts, now: number): string {
  const credits = account.creditStatus;
  if (account.lastFor === 'refusal')
    return account.since === null ? 'refused a request' : `refused a request ${ago(account.since, now)}`;
  if (account.lastFor === 'token') return 'its token seems to have ended; it serves if no other account can';
  if (credits?.unlimited === true) return 'over its quota, on credits';
  if (credits?.hasCredits === true) {
    const left = credits.balance === null ? '' : ` (${credits.balance.toFixed(2)} left)`;
    return `over its quota, on credits${left}`;
  }
  return 'over its quota, but still served';
}

function tokenLine(account: AccountFacts, now: number): string {
  const next = account.until === null ? '' : `; next try in ${span(account.until - now)}`;
  const good =
    account.expiresAt === null || account.expiresAt <= now
      ? ''
      : `; good for ${span(account.expiresAt - now)}`;
  return `the token cannot be renewed${next}${good}`;
}
