import type { Verdict } from '../api/summary.js';
import { clockAndWait, span } from './times.js';

/** The facts of a verdict. */
export interface VerdictFacts extends Omit<Verdict, 'sentence'> {
  readonly accounts: number;
  readonly ready: number;
  /** For `way-blocked`: the cause, in words. For `waits` and `needs-person`: the accounts by cause, in words. */
  readonly cause: string | null;
}

/** Returns the pool's verdict in one sentence, with its cause, and with what helps where something does. */
export function verdictSentence(facts: VerdictFacts, now: number): string {
  const { cause, backAt } = facts;
  switch (facts.kind) {
    case 'serves':
      return `Serves · next: ${facts.next ?? '–'} · ${facts.ready} of ${facts.accounts} ready`;
    case 'serves-last-in-line':
      return `Serves on credits only · next: ${facts.next ?? '–'}`;
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
