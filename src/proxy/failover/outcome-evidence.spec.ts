import { describe, expect, it } from 'vitest';
import type { AccountEvent } from '../../accounts/evidence/account-event.js';
import { GENERAL_SCOPE } from '../../accounts/evidence/refusal-scope.js';
import { idle } from '../../tokens/refresh-state.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import { evidenceOf, evidenceOfEnd, type OutcomeFacts } from './outcome-evidence.js';

const T = 1_900_000_000_000;
const facts: OutcomeFacts = {
  startedAt: T - 500,
  at: T,
  hasRefreshed: false,
  scopes: ['account', GENERAL_SCOPE],
  meteredModel: 'm',
  windows: [],
  refresh: idle,
  isExcused: false,
};
const scope = 'account';
const waiting = {
  kind: 'waiting',
  until: T + 30_000,
  failures: 1,
  reason: 'answered 500',
  isNetworkFault: false,
  isTokenRejected: true,
} as const;
const spent: AttemptOutcome = {
  kind: 'quota-exhausted',
  scope: 'meter:spark',
  isMeterNamed: true,
  hint: { resetsAt: T / 1_000 + 60, resetsInSeconds: null },
};

describe('the evidence of an outcome', () => {
  it.each<[string, AttemptOutcome, Partial<OutcomeFacts>, AccountEvent | null]>([
    [
      'output: it serves',
      { kind: 'success' },
      {},
      { kind: 'served', scopes: ['account', GENERAL_SCOPE], meteredModel: 'm', startedAt: T - 500, at: T },
    ],
    [
      'a usage limit: out until it ends',
      spent,
      {},
      { kind: 'quota-exhausted', scope: 'meter:spark', meteredModel: 'm', until: T + 60_000, at: T },
    ],
    [
      'a rate limit: out as long as upstream says',
      { kind: 'rate-limited', scope, retryAfterMs: 7 },
      {},
      { kind: 'rate-limited', scope, meteredModel: 'm', retryAfterMs: 7, startedAt: T - 500, at: T },
    ],
    ['a first 401: nothing yet', { kind: 'unauthorized', scope }, {}, null],
    [
      'a 401 with a fresh token: out for a while',
      { kind: 'unauthorized', scope },
      { hasRefreshed: true },
      { kind: 'unauthorized', scope, until: null, at: T },
    ],
    [
      'a refresh that fails: out until the next try',
      { kind: 'refresh-failed' },
      { refresh: waiting },
      { kind: 'unauthorized', scope, until: T + 30_000, at: T },
    ],
    [
      'a refresh that fails because of the network',
      { kind: 'refresh-failed' },
      { refresh: waiting, isExcused: true },
      null,
    ],
    ['a refresh that failed without a pause', { kind: 'refresh-failed' }, {}, null],
    ['a 403: forbidden', { kind: 'forbidden', scope, code: 'x' }, {}, { kind: 'forbidden', scope, at: T }],
    [
      'a deactivation',
      { kind: 'deactivated', code: 'account_suspended' },
      {},
      { kind: 'deactivated', code: 'account_suspended', at: T },
    ],
    [
      'a model that the account may not use',
      { kind: 'not-entitled', model: 'm' },
      {},
      { kind: 'not-entitled', model: 'm', at: T },
    ],
    ['an unnamed model', { kind: 'not-entitled', model: null }, {}, null],
    [
      'an upstream error: counted',
      { kind: 'upstream-error', scope },
      {},
      { kind: 'upstream-error', scope, startedAt: T - 500, at: T },
    ],
    [
      'an upstream error while the network is at fault',
      { kind: 'upstream-error', scope },
      { isExcused: true },
      null,
    ],
    ['a missing login: the vault knows already', { kind: 'needs-login' }, {}, null],
    ['the wrong place', { kind: 'wrong-place' }, {}, null],
    ['an edge block', { kind: 'edge-block' }, {}, null],
    ['overload', { kind: 'overloaded' }, {}, null],
    ['a network fault', { kind: 'unreachable', wasReused: false, reason: '' }, {}, null],
    ['cross-account content', { kind: 'cross-account-content' }, {}, null],
    ['a client fault', { kind: 'client-error' }, {}, null],
    ['a turn fault', { kind: 'turn-failed' }, {}, null],
    ['a client that has left', { kind: 'client-gone' }, {}, null],
  ])('%s', (_what, outcome, known, evidence) => {
    expect(evidenceOf(outcome, { ...facts, ...known })).toEqual(evidence);
  });

  it.each([
    ['complete', { kind: 'completed', scope: 'images', startedAt: T - 500, at: T }],
    ['cut', { kind: 'cut', scope: 'images', startedAt: T - 500, at: T }],
    ['client-gone', null],
  ] as const)('a response that ends %s', (end, evidence) => {
    expect(evidenceOfEnd(end, 'images', T - 500, T)).toEqual(evidence);
  });
});
