import type { ShownDecision } from './admin-responses.js';

const reasons: Readonly<Record<string, string>> = {
  pinned: 'it owns what is continued',
  affinity: 'the session was with it',
  policy: 'chosen by what is left of its quota',
  refresh: 'once more, with a renewed token',
  retry: 'once more, after a fault',
  'retry-at-once': 'once more, on a new connection',
};

/** Why a request went where it went, a line for each attempt. */
export function decisionLines({ attempts, result }: ShownDecision): string[] {
  const width = Math.max(...attempts.map((it) => it.account.length), 0);
  return attempts.map(({ account, by, outcome, status }, index) => {
    const response = status === null ? 'no response' : `HTTP ${status}`;
    const end = result !== 'complete' && index === attempts.length - 1 ? `; ${result}` : '';
    return `attempt ${index + 1}: ${account.padEnd(width)}  (${reasons[by] ?? by})  ${response}, ${outcome}${end}`;
  });
}
