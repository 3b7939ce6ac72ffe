import { describe, expect, it } from 'vitest';
import { Secret } from '../runtime/secret.js';
import { type DeviceWait, isOpen, type LoginEvent, type LoginState, nextLoginState } from './login-state.js';

const UNTIL = 1_000;
const wait: DeviceWait = {
  kind: 'device',
  deviceAuthId: new Secret('made-up'),
  userCode: 'MADE-UP',
  verificationUrl: 'https://auth.example/codex/device',
  intervalMs: 5,
  askAt: 5,
};
const waiting: LoginState = { kind: 'waiting', wait, until: UNTIL };
const completing: LoginState = { kind: 'completing' };
const succeeded: LoginState = { kind: 'succeeded', account: 'work', result: 'added' };
const failed: LoginState = { kind: 'failed', code: 'access_denied', message: 'No.' };
const expired: LoginState = { kind: 'expired' };
const cancelled: LoginState = { kind: 'cancelled' };

const late: LoginEvent = { kind: 'time-passed', now: UNTIL };
const early: LoginEvent = { kind: 'time-passed', now: UNTIL - 1 };
const pending: LoginEvent = { kind: 'still-pending', askAt: 10 };
const allowed: LoginEvent = { kind: 'allowed' };
const saved: LoginEvent = { kind: 'saved', account: 'work', result: 'added' };
const failure: LoginEvent = { kind: 'failed', code: 'access_denied', message: 'No.' };
const cancel: LoginEvent = { kind: 'cancelled' };
const all = [late, early, pending, allowed, saved, failure, cancel];

describe('the state of a login', () => {
  it.each<[string, LoginEvent, LoginState]>([
    ['expires at its end', late, expired],
    ['does not expire before', early, waiting],
    ['asks again later', pending, { ...waiting, wait: { ...wait, askAt: 10 } }],
    ['completes once allowed', allowed, completing],
    ['is not saved before it was allowed', saved, waiting],
    ['fails', failure, failed],
    ['is cancelled', cancel, cancelled],
  ])('that waits %s', (_what, event, after) => expect(nextLoginState(waiting, event)).toEqual(after));

  it.each<[string, LoginEvent, LoginState]>([
    ['does not expire', late, completing],
    ['takes no second code', allowed, completing],
    ['is not cancelled', cancel, completing],
    ['ignores a late "pending"', pending, completing],
    ['succeeds', saved, succeeded],
    ['fails', failure, failed],
  ])('that completes %s', (_what, event, after) => expect(nextLoginState(completing, event)).toEqual(after));

  it.each([succeeded, failed, expired, cancelled])('that is $kind stays so', (state) => {
    expect(isOpen(state)).toBe(false);
    for (const event of all) expect(nextLoginState(state, event)).toBe(state);
  });
});
