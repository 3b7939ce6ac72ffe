import { describe, expect, it } from 'vitest';
import { pauseEnd } from './pause-end.js';

const now = new Date(2026, 10, 27, 14, 30).getTime();
const HOUR = 3_600_000;
const window = (resetsAt: number | null, usedRatio = 0.5) => ({
  durationSeconds: 1,
  usedRatio,
  seenAt: 1,
  resetsAt,
});
const none = { untilReset: false };

describe('the end of a pause', () => {
  it.each([
    ['30m', HOUR / 2],
    ['2h', 2 * HOUR],
    ['3 days', 72 * HOUR],
  ])('is %s from now', (text, ms) => {
    expect(pauseEnd({ ...none, for: text }, null, now)).toBe(now + ms);
  });

  it('is the next such time of day, or the time itself', () => {
    expect(pauseEnd({ ...none, until: '18:00' }, null, now)).toBe(now + 3.5 * HOUR);
    expect(pauseEnd({ ...none, until: '9:00' }, null, now)).toBe(new Date(2026, 10, 28, 9).getTime());
    expect(pauseEnd({ ...none, until: '2026-12-01T09:00' }, null, now)).toBe(
      new Date(2026, 11, 1, 9).getTime(),
    );
    expect(pauseEnd(none, null, now)).toBeNull();
  });

  it('is the first reset that is still to come', () => {
    const account = { windows: [window(now - 1), window(now + 9), window(now + 5), window(null)] };
    expect(pauseEnd({ untilReset: true }, account, now)).toBe(now + 5);
    expect(() => pauseEnd({ untilReset: true }, { windows: [] }, now)).toThrow('No reset');
  });

  it('is the last reset of the windows that are full', () => {
    const account = { windows: [window(now + 5), window(now + 7, 1), window(now + 9, 1), window(now + 11)] };
    expect(pauseEnd({ untilReset: true }, account, now)).toBe(now + 9);
  });

  it.each(['', '0m', 'soon', '-1h', '2 weeks', '1e3m', '9'.repeat(20)])('is not %j', (text) => {
    expect(() => pauseEnd({ ...none, for: text }, null, now)).toThrow('--for takes');
  });

  it.each(['25:00', '18:60', 'yesterday', ''])('is not until %j', (text) => {
    expect(() => pauseEnd({ ...none, until: text }, null, now)).toThrow('--until takes');
  });
});
