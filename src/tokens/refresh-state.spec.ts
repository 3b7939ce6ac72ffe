import { describe, expect, it } from 'vitest';
import {
  idle,
  isTokenRejected,
  mayRequest,
  needsLogin,
  nextRefreshState,
  pausedUntil,
  type RefreshState,
} from './refresh-state.js';

const failed = { kind: 'failed', reason: 'HTTP 500', at: 1_000_000, isNetworkFault: false } as const;
const offline = { ...failed, reason: 'ENOTFOUND', isNetworkFault: true } as const;

const doubt = { kind: 'left-in-doubt', since: failed.at, reason: 'reset' } as const;

describe('the state of a refresh', () => {
  it('doubles its pause from 30 s up to 15 min', () => {
    const pauses: number[] = [];
    let state: RefreshState = idle;
    for (let i = 0; i < 7; i += 1) {
      state = nextRefreshState(state, failed);
      if (state.kind === 'waiting') pauses.push((state.until - failed.at) / 1_000);
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900]);
  });

  it('keeps its pause at 30 s while the token endpoint cannot be reached', () => {
    let state: RefreshState = idle;
    for (let i = 0; i < 7; i += 1) {
      state = nextRefreshState(state, offline);
      expect(pausedUntil(state)).toBe(offline.at + 30_000);
    }
    // The network faults do not count as failures of the endpoint.
    expect(pausedUntil(nextRefreshState(state, failed))).toBe(failed.at + 30_000);
  });

  it('ends its pause when the network is back, if the network caused it', () => {
    const back = { kind: 'network-back', at: failed.at + 1 } as const;
    const paused = nextRefreshState(idle, offline);
    expect(pausedUntil(nextRefreshState(paused, back))).toBe(back.at);
    const over = { kind: 'network-back', at: failed.at + 40_000 } as const;
    const others: RefreshState[] = [
      idle,
      nextRefreshState(idle, failed),
      nextRefreshState(nextRefreshState(idle, offline), failed),
      { kind: 'refused', code: 'c', at: 5, isTokenRejected: false },
      nextRefreshState(idle, { ...doubt, isAgain: false }),
      nextRefreshState(nextRefreshState(idle, { ...doubt, isAgain: true }), offline),
    ];
    for (const state of others) expect(nextRefreshState(state, back)).toBe(state);
    expect(nextRefreshState(paused, over)).toBe(paused);
  });

  it('is idle after a grant, from any state', () => {
    expect(nextRefreshState(nextRefreshState(idle, failed), { kind: 'granted' })).toEqual(idle);
  });

  it('is refused only by the token endpoint', () => {
    const word = { code: 'refresh_token_reused', at: 5, isTokenRejected: false };
    const refused = nextRefreshState(idle, { kind: 'refused-for-good', ...word });
    expect(refused).toEqual({ kind: 'refused', ...word });
    expect(nextRefreshState(refused, { kind: 'renewed-elsewhere' })).toEqual(idle);
  });

  it('needs a login when both tokens are refused', () => {
    const refused: RefreshState = { kind: 'refused', code: 'c', at: 5, isTokenRejected: false };
    expect(needsLogin(refused)).toBe(false);
    expect(needsLogin(nextRefreshState(refused, { kind: 'token-rejected' }))).toBe(true);
    expect(nextRefreshState(idle, { kind: 'token-rejected' })).toEqual(idle);
  });

  it('keeps in mind that the access token is rejected until there are new tokens', () => {
    const rejected = nextRefreshState(nextRefreshState(idle, failed), { kind: 'token-rejected' });
    const refusal = { kind: 'refused-for-good', code: 'c', at: 5, isTokenRejected: false } as const;
    const events = [failed, offline, { ...doubt, isAgain: false }, refusal];
    for (const event of events) {
      const after = nextRefreshState(rejected, event);
      expect(isTokenRejected(after)).toBe(true);
      expect(isTokenRejected(nextRefreshState(after, failed))).toBe(true);
      expect(isTokenRejected(nextRefreshState(after, { kind: 'granted' }))).toBe(false);
      expect(isTokenRejected(nextRefreshState(idle, event))).toBe(false);
    }
    expect(needsLogin(nextRefreshState(rejected, refusal))).toBe(true);
    const inPart = { kind: 'granted-in-part', reason: 'no access token', at: 5 } as const;
    expect(nextRefreshState(idle, { ...inPart, before: rejected })).toMatchObject({ failures: 2 });
    expect(isTokenRejected(nextRefreshState(idle, { ...inPart, before: rejected }))).toBe(true);
    expect(isTokenRejected(nextRefreshState(idle, { ...inPart, before: idle }))).toBe(false);
  });

  it('allows a request unless it is paused or refused', () => {
    const { at } = failed;
    expect(mayRequest(idle, at)).toBe(true);
    expect([29_999, 30_000].map((ms) => mayRequest(nextRefreshState(idle, failed), at + ms))).toEqual([
      false,
      true,
    ]);
    expect(mayRequest(nextRefreshState(idle, { ...doubt, isAgain: false }), at)).toBe(true);
    expect(mayRequest({ kind: 'refused', code: 'c', at: 5, isTokenRejected: true }, at)).toBe(false);
  });

  it('allows a request in doubt at once, then none for 15 min', () => {
    const once = nextRefreshState(idle, { ...doubt, isAgain: false });
    expect(pausedUntil(once)).toBeNull();
    const twice = nextRefreshState(once, { ...doubt, isAgain: true });
    expect(pausedUntil(twice)).toBe(failed.at + 900_000);
  });

  it('stays in doubt through known failures, with their pauses', () => {
    let state = nextRefreshState(idle, { ...doubt, isAgain: false });
    for (const pause of [30_000, 60_000]) {
      state = nextRefreshState(state, failed);
      expect(state).toMatchObject({ kind: 'in-doubt', since: failed.at, until: failed.at + pause });
    }
  });
});
