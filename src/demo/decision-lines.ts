import type { ShownDecision } from './admin-responses.js';

const reasons: Readonly<Record<string, string>> = {
  pinned: 'the turn is pinned to it',
  affinity: 'the account of this session',
  policy: 'chosen by its remaining quota',
  refresh: 'again, with a refreshed token',
  retry: 'again, after a fault',
  'retry-at-once': 'again, on a new connection',
};

/** Explains the route of a request, one line per attempt. */
export function decisionLines({ attempts, result }: ShownDecision): string[] {
  const width = Math.max(...attempts.map((it) => it.account.length), 0);
  return attempts.map(({ account, by, outcome, status }, index) => {
    const response = status === null ? 'no response' : `HTTP ${status}`;
    const end = result !== 'complete' && index === attempts.length - 1 ? `; ${result}` : '';
    return `attempt ${index + 1}: ${account.padEnd(width)}  (${reasons[by] ?? by})  ${response}, ${outcome}${end}`;
  });
}
