import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../config/limits.js';
import { IdleTimer } from './idle-timer.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watching(isBusy: boolean) {
  let times = 0;
  const watch = new IdleTimer(
    () => isBusy,
    () => void (times += 1),
  );
  return { watch, times: () => times };
}

describe('an idle WebSocket', () => {
  it('is closed soon while a turn runs on it, much later otherwise', () => {
    const busy = watching(true);
    const waiting = watching(false);
    vi.advanceTimersByTime(limits.idleStreamMs);
    expect([busy.times(), waiting.times()]).toEqual([1, 0]);
    vi.advanceTimersByTime(limits.idleSocketMs - limits.idleStreamMs);
    expect(waiting.times()).toBe(1);
  });

  it('gets the full time again with every message', () => {
    const { watch, times } = watching(false);
    for (let at = 0; at < 3 * limits.idleSocketMs; at += limits.idleStreamMs) {
      watch.moved();
      vi.advanceTimersByTime(limits.idleStreamMs);
    }
    expect(times()).toBe(0);
    watch.end();
    vi.advanceTimersByTime(3 * limits.idleSocketMs);
    expect(times()).toBe(0);
  });
});
