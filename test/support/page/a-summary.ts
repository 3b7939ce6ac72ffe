import type { Summary } from '../../../src/api/summary.js';

const none = { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 };

/** A summary of the admin API, for specs. `accounts` need a login. */
export function aSummary(kind: Summary['verdict']['kind'], accounts: readonly string[] = []): Summary {
  return {
    version: '1.0.0',
    now: 0,
    startedAt: 0,
    verdict: { kind, sentence: `it ${kind}`, next: null, backAt: null },
    accounts: accounts.length,
    ready: 0,
    inFlight: 0,
    plan: null,
    windows: [],
    meters: [],
    today: { ...none, failovers: 0, failed: 0 },
    policy: 'most-quota-left',
    clientSeenAt: null,
    problems: accounts.map((account) => ({
      code: 'needs-login',
      account,
      since: 1,
      sentence: `${account} needs a login`,
      action: 'login',
    })),
  };
}
