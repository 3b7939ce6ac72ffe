import { describe, expect, it } from 'vitest';
import { aRequest } from '../../../test/support/page/a-request.js';
import { timelineOf } from './timeline.js';

const attempt = (account: string, startedAt: number) => ({
  account,
  by: 'policy',
  startedAt,
  outcome: 'success',
  status: 200,
  failedLate: null,
});

describe('the timeline of a request', () => {
  const attempts = [attempt('home', 1_100), attempt('work', 1_600)];

  it('puts each attempt between its begin and the next', () => {
    const steps = timelineOf(aRequest({ at: 1_000, endedAt: 2_000, attempts }), 9_000);
    expect(steps).toMatchObject([
      { number: 1, offsetMs: 100, lengthMs: 500, startRatio: 0.1, lengthRatio: 0.5 },
      { number: 2, offsetMs: 600, lengthMs: 400, startRatio: 0.6, lengthRatio: 0.4 },
    ]);
  });

  it('grows until now while the last attempt runs', () => {
    const [, last] = timelineOf(aRequest({ at: 1_000, endedAt: null, attempts }), 3_000);
    expect(last).toMatchObject({ lengthMs: null, startRatio: 0.3, lengthRatio: 0.7 });
  });

  it('stays on its scale when the clock was set back', () => {
    const steps = timelineOf(aRequest({ at: 5_000, endedAt: 4_000, attempts }), 3_000);
    for (const { startRatio, lengthRatio } of steps) {
      expect(startRatio).toBe(0);
      expect(startRatio + lengthRatio).toBeLessThanOrEqual(1);
    }
  });
});
