import { describe, expect, it } from 'vitest';
import type { AccountEvent } from '../../accounts/account-evidence.js';
import { idle } from '../../tokens/refresh-state.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import { evidenceOf, evidenceOfEnd, type OutcomeFacts } from './outcome-evidence.js';

const T = 1_900_000_000_000;
const facts: OutcomeFacts = {
  startedAt: T - 500,
  at: T,
  hasRefreshed: false,
  model: 'm',
  windows: [],
  refresh: idle,
  isExcused: false,
};
const waiting = {
  kind: 'waiting',
  until: T + 30_000,
  failures: 1,
  reason: 'answered 500',
  isNetworkFault: false,
} as const;
const spent: AttemptOutcome = {
  kind: 'quota-exhausted',
  hint: { resetsAt: T / 1_000 + 60, resetsInSeconds: null },
};

describe('the evidence of an outcome', () => {
  it.each<[string, AttemptOutcome, Partial<OutcomeFacts>, AccountEvent | null]>([
    ['output: it serves', { kind: 'success' }, {}, { kind: 'served', startedAt: T - 500, at: T }],
    ['a usage limit: out until it ends', spent, {}, { kind: 'quota-exhausted', until: T + 60_000, at: T }],
    [
      'a rate limit: out as long as upstream says',
      { kind: 'rate-limited', retryAfterMs: 7 },
      {},
      { kind: 'rate-limited', retryAfterMs: 7, startedAt: T - 500, at: T },
    ],
    ['a first 401: nothing yet', { kind: 'unauthorized' }, {}, null],
    [
      'a 401 with a fresh token: out for a while',
      { kind: 'unauthorized' },
      { hasRefreshed: true },
      { kind: 'unauthorized', until: null, at: T },
    ],
    [
      'a refresh that fails: out until the next try',
      { kind: 'refresh-failed' },
      { refresh: waiting },
      { kind: 'unauthorized', until: T + 30_000, at: T },
    ],
    [
      'a refresh that fails because of the network',
      { kind: 'refresh-failed' },
      { refresh: waiting, isExcused: true },
      null,
    ],
    ['a refresh that failed without a pause', { kind: 'refresh-failed' }, {}, null],
    ['a 403: forbidden', { kind: 'forbidden' }, {}, { kind: 'forbidden', startedAt: T - 500, at: T }],
    [
      'a deactivation',
      { kind: 'deactivated', code: 'account_suspended' },
      {},
      { kind: 'deactivated', code: 'account_suspended', at: T },
    ],
    [
      'a model that the account may not use',
      { kind: 'not-entitled' },
      {},
      { kind: 'not-entitled', model: 'm', at: T },
    ],
    ['an unnamed model', { kind: 'not-entitled' }, { model: null }, null],
    [
      'an upstream error: counted',
      { kind: 'upstream-error' },
      {},
      { kind: 'upstream-error', startedAt: T - 500, at: T },
    ],
    [
      'an upstream error while the network is at fault',
      { kind: 'upstream-error' },
      { isExcused: true },
      null,
    ],
    ['a missing login: the vault knows already', { kind: 'needs-login' }, {}, null],
    ['an edge block', { kind: 'edge-block' }, {}, null],
    ['overload', { kind: 'overloaded' }, {}, null],
    ['a network fault', { kind: 'unreachable', wasReused: false, reason: '' }, {}, null],
    ['cross-account content', { kind: 'cross-account-content' }, {}, null],
    ['a fault of the client', { kind: 'client-error' }, {}, null],
    ['a fault of the turn', { kind: 'turn-failed' }, {}, null],
    ['a client that has left', { kind: 'client-gone' }, {}, null],
  ])('%s', (_what, outcome, known, evidence) => {
    expect(evidenceOf(outcome, { ...facts, ...known })).toEqual(evidence);
  });

  it.each([
    ['complete', { kind: 'completed', startedAt: T - 500, at: T }],
    ['cut', { kind: 'cut', startedAt: T - 500, at: T }],
    ['client-gone', null],
  ] as const)('a response that ends %s', (end, evidence) => {
    expect(evidenceOfEnd(end, T - 500, T)).toEqual(evidence);
  });
});
