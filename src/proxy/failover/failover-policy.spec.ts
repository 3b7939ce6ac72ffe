import { describe, expect, it } from 'vitest';
import type { AttemptOutcome } from '../outcome/outcome.js';
import { decide, type Progress } from './failover-policy.js';

const fresh: Progress = {
  attemptsLeft: 2,
  isReplayable: true,
  hasRefreshed: false,
  hasRetried: false,
  hasRetriedReused: false,
  recovery: null,
  hasMovedFor: () => false,
  hasBeenForbidden: () => false,
};
const quota: AttemptOutcome = {
  kind: 'quota-exhausted',
  scope: 'meter:codex',
  isMeterNamed: false,
  hint: { resetsAt: null, resetsInSeconds: null },
};
const rate: AttemptOutcome = { kind: 'rate-limited', scope: 'account', retryAfterMs: null };
const unreachable: AttemptOutcome = { kind: 'unreachable', wasReused: false, reason: '' };
const reused: AttemptOutcome = { kind: 'unreachable', wasReused: true, reason: '' };
const deactivated: AttemptOutcome = { kind: 'deactivated', code: '' };
const scope = 'account';
const unauthorized: AttemptOutcome = { kind: 'unauthorized', scope };
const upstreamError: AttemptOutcome = { kind: 'upstream-error', scope };
const overloaded: AttemptOutcome = { kind: 'overloaded' };
const edgeBlock: AttemptOutcome = { kind: 'edge-block' };
const forbidden: AttemptOutcome = { kind: 'forbidden', scope, code: 'no' };
const notEntitled: AttemptOutcome = { kind: 'not-entitled', model: 'm' };
const needsLogin: AttemptOutcome = { kind: 'needs-login' };
const refreshFailed: AttemptOutcome = { kind: 'refresh-failed' };

const spent = { attemptsLeft: 0, hasRefreshed: true, hasRetried: true, hasRetriedReused: true };
const rows: [string, AttemptOutcome, Partial<Progress>, string][] = [
  ['good output', { kind: 'success' }, {}, 'pass-on'],
  ['a client fault', { kind: 'client-error' }, {}, 'pass-on'],
  ['a turn fault', { kind: 'turn-failed' }, {}, 'pass-on'],
  ['cross-account content', { kind: 'cross-account-content' }, {}, 'pass-on'],
  [
    'cross-account content of a session that has moved',
    { kind: 'cross-account-content' },
    { recovery: 'go-back' },
    'go-back',
  ],
  [
    'cross-account content without a former account',
    { kind: 'cross-account-content' },
    { recovery: 'strip' },
    'strip',
  ],
  [
    'cross-account content on the last attempt',
    { kind: 'cross-account-content' },
    { attemptsLeft: 0, recovery: 'strip' },
    'strip',
  ],
  ['a client that has left', { kind: 'client-gone' }, {}, 'stop'],
  ['a first 401', unauthorized, {}, 'refresh'],
  ['a first 401 on the last attempt', unauthorized, { attemptsLeft: 0 }, 'refresh'],
  ['a second 401', unauthorized, { hasRefreshed: true }, 'failover'],
  ['a second 401 on the last attempt', unauthorized, spent, 'give-up'],
  ['spent quota', quota, {}, 'failover'],
  ['spent quota on the last attempt', quota, spent, 'give-up'],
  ['a rate limit', rate, {}, 'failover'],
  ['a 403', forbidden, {}, 'failover'],
  ['a 403 with the code of another account', forbidden, { hasBeenForbidden: (it) => it === 'no' }, 'pass-on'],
  ['a 403 with another code', forbidden, { hasBeenForbidden: (it) => it === 'yes' }, 'failover'],
  ['a 403 on the last attempt', forbidden, spent, 'pass-on'],
  ['the wrong place', { kind: 'wrong-place' }, {}, 'pass-on'],
  ['a deactivated account', deactivated, {}, 'failover'],
  ['an account that needs a login', needsLogin, {}, 'failover'],
  ['a refresh that failed', refreshFailed, {}, 'failover'],
  ['a dead reused connection', reused, {}, 'retry-at-once'],
  ['a dead reused connection on the last attempt', reused, { attemptsLeft: 0 }, 'retry-at-once'],
  ['a second dead reused connection', reused, { hasRetriedReused: true }, 'retry'],
  ['a network fault', unreachable, {}, 'retry'],
  ['a second network fault', unreachable, { hasRetried: true }, 'failover'],
  ['a network fault on the last attempt', unreachable, spent, 'give-up'],
  ['an upstream error', upstreamError, {}, 'retry'],
  ['a second upstream error', upstreamError, { hasRetried: true }, 'failover'],
  ['an upstream error on the last attempt', upstreamError, spent, 'give-up'],
  ['overload', overloaded, {}, 'failover'],
  ['overload on a second account', overloaded, { hasMovedFor: (kind) => kind === 'overloaded' }, 'pass-on'],
  ['overload on the last attempt', overloaded, spent, 'pass-on'],
  ['an edge block', edgeBlock, {}, 'failover'],
  [
    'an edge block on a second account',
    edgeBlock,
    { hasMovedFor: (kind) => kind === 'edge-block' },
    'give-up',
  ],
  ['a model that the account may not use', notEntitled, {}, 'failover'],
  ['such a model on the last attempt', notEntitled, spent, 'give-up'],
];

describe('the verdict', () => {
  it.each(rows)('on %s', (_what, outcome, progress, verdict) => {
    expect(decide(outcome, { ...fresh, ...progress })).toBe(verdict);
  });

  it.each(rows)('on %s never repeats a request whose body was not kept', (_what, outcome, progress) => {
    const verdict = decide(outcome, { ...fresh, ...progress, isReplayable: false });
    expect(['pass-on', 'give-up', 'stop']).toContain(verdict);
  });
});
