import { describe, expect, it } from 'vitest';
import { type ClockRun, extended, isConclusive } from './clock-run.js';

const HOURS = 3_600_000;

/** Returns whether the last of these answers corrects the clock: [seconds, difference in seconds] of each. */
function corrects(answers: readonly (readonly [at: number, skew: number])[]): boolean {
  let run: ClockRun | null = null;
  let last = 0;
  for (const [at, skew] of answers) {
    last = at * 1_000;
    run = extended(run, { skewMs: skew * 1_000, at: last });
  }
  return run !== null && isConclusive(run, last);
}

describe('a run of answers', () => {
  const two = (2 * HOURS) / 1_000;

  it.each<[string, readonly (readonly [number, number])[], boolean]>([
    ['one', [[0, two]], false],
    [
      'two that agree',
      [
        [0, two],
        [9, two],
      ],
      false,
    ],
    [
      'three that agree',
      [
        [0, two],
        [1, two],
        [2, two],
      ],
      true,
    ],
    [
      'three that agree within 5 s',
      [
        [0, two],
        [1, two + 4],
        [2, two - 4],
      ],
      true,
    ],
    ['many within one second', Array.from({ length: 50 }, () => [0.5, two] as const), false],
    [
      'many, the last of them later',
      [
        [0, two],
        [0, two],
        [0, two],
        [1, two],
      ],
      true,
    ],
    [
      'the last disagrees',
      [
        [0, two],
        [1, two],
        [2, two],
        [3, 0],
      ],
      false,
    ],
    [
      'one in between disagrees',
      [
        [0, two],
        [1, two],
        [2, 0],
        [3, two],
      ],
      false,
    ],
    ['they alternate', Array.from({ length: 50 }, (_, at) => [at, at % 2 === 0 ? two : 0] as const), false],
    ['none agrees with another', Array.from({ length: 50 }, (_, at) => [at, at * 60] as const), false],
    [
      'three after one that disagrees',
      [
        [0, 0],
        [1, two],
        [2, two],
        [3, two],
      ],
      true,
    ],
    [
      "this machine's clock is set back meanwhile",
      [
        [9, two],
        [9, two],
        [2, two + 7],
        [2, two + 7],
      ],
      false,
    ],
  ])('corrects the clock or not: %s', (_case, answers, expected) => {
    expect(corrects(answers)).toBe(expected);
  });
});
