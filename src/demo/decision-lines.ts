import { attemptWords, outcomeWords, resultWords } from '../wording/decision-words.js';
import type { ShownDecision } from './admin-responses.js';

/** Explains the route of a request, one line per attempt. */
export function decisionLines({ attempts, result }: ShownDecision): string[] {
  const width = Math.max(...attempts.map((it) => it.account.length), 0);
  return attempts.map(({ account, by, outcome, status }, index) => {
    const response = status === null ? 'no response' : `HTTP ${status}`;
    const end = result !== 'complete' && index === attempts.length - 1 ? `; ${resultWords(result)}` : '';
    return `attempt ${index + 1}: ${account.padEnd(width)}  (${attemptWords(by)})  ${response}, ${outcomeWords(outcome)}${end}`;
  });
}
