import { describe, expect, it } from 'vitest';
import { idle, nextRefreshState, type RefreshState } from './refresh-state.js';

const failed = { kind: 'failed', reason: 'HTTP 500', at: 1_000_000 } as const;

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

  it('is idle again after a grant, whatever was before', () => {
    expect(nextRefreshState(nextRefreshState(idle, failed), { kind: 'granted' })).toEqual(idle);
  });

  it('stays refused only by the word of the token endpoint', () => {
    const refused = nextRefreshState(idle, { kind: 'refused-for-good', code: 'refresh_token_reused', at: 5 });
    expect(refused).toEqual({ kind: 'refused', code: 'refresh_token_reused', at: 5 });
    expect(nextRefreshState(refused, { kind: 'renewed-elsewhere' })).toEqual(idle);
  });
});
