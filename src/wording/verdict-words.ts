import type { AccountState } from '../api/account.js';
import type { Verdict } from '../api/summary.js';
import { clockAndWait, span } from './times.js';

/** The facts of a verdict. */
export interface VerdictFacts extends Omit<Verdict, 'sentence'> {
  readonly accounts: number;
  readonly ready: number;
  /**
   * For `way-blocked`: the cause, in words. For `waits` and `needs-person`: the accounts by cause, in words. For
   * `serves-last-in-line`: why they are, if not for credits.
   */
  readonly cause: string | null;
}

/** Returns the pool's verdict in one sentence, with its cause, and with what helps where something does. */
export function verdictSentence(facts: VerdictFacts, now: number): string {
  const { cause, backAt } = facts;
  switch (facts.kind) {
    case 'serves':
      return `Serves · next: ${facts.next ?? '–'} · ${facts.ready} of ${facts.accounts} ready`;
    case 'serves-last-in-line':
      return `${cause === null ? 'Serves on credits only' : `Serves, but ${cause}`} · next: ${facts.next ?? '–'}`;
    case 'full':
      return 'Full: every ready account is at its cap';
    case 'waits': {
      const until = backAt === null ? 'Nothing for now' : `Nothing until ${clockAndWait(backAt, now)}`;
      return cause === null ? until : `${until}: ${cause}`;
    }
    case 'needs-person':
      return `Nothing until a person acts: ${cause ?? 'no account can serve'}`;
    case 'none-yet':
      return 'Nothing: no account yet';
    case 'way-blocked':
      return `The way to chatgpt.com is blocked: ${cause ?? 'the cause is unknown'}`;
    case 'stopping':
      return 'Stopping: running turns end, new ones are refused';
    default:
      return facts.kind satisfies never;
  }
}

/** Returns the sentence of a verdict that was made earlier, with the wait as it is now. */
export function withFreshWait(
  { sentence, backAt }: Pick<Verdict, 'sentence' | 'backAt'>,
  now: number,
): string {
  return backAt === null ? sentence : sentence.replace(/\((?:in [^)]*|now)\)/, `(in ${span(backAt - now)})`);
}

/** States of accounts in a verdict's cause: for one account, and for several. */
const causeWords: Readonly<Record<AccountState, readonly [one: string, several: string]>> = {
  ready: ['is ready', 'are ready'],
  'last-in-line': ['is last in line', 'are last in line'],
  full: ['is full', 'are full'],
  resting: ['is resting', 'are resting'],
  'at-limit': ['is at its limit', 'are at their limit'],
  paused: ['is paused', 'are paused'],
  'needs-login': ['needs a login', 'need a login'],
  'token-not-renewed': ['cannot renew its token', 'cannot renew their tokens'],
  deactivated: ['is deactivated', 'are deactivated'],
  'broken-file': ['has no usable file', 'have no usable files'],
  leaving: ['is leaving', 'are leaving'],
};

/** Names in one cause; the others are counted. */
const MOST_NAMES = 3;

/** Returns why accounts do not serve, those with one cause together: `home and spare are at their limit, work needs a login`. */
export function causesInWords(
  accounts: readonly { readonly name: string; readonly state: AccountState }[],
): string {
  const byState = new Map<AccountState, string[]>();
  for (const { name, state } of accounts) byState.set(state, [...(byState.get(state) ?? []), name]);
  return [...byState]
    .map(([state, names]) => `${listed(names)} ${causeWords[state][names.length === 1 ? 0 : 1]}`)
    .join(', ');
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  const shown = more > 0 ? [...names.slice(0, MOST_NAMES), `${more} more`] : names;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}
