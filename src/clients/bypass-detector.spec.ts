import { describe, expect, it } from 'vitest';
import { looksBypassed } from './bypass-detector.js';

const MINUTE = 60_000;

describe('looksBypassed', () => {
  it.each([
    ['6 requests over 10 minutes', 6, 10, false, true],
    ['many over many', 100, 600, false, true],
    ['5 requests, however long', 5, 600, false, false],
    ['many within less than 10 minutes: a client that has just started', 100, 9.99, false, false],
    ['many over many, once a turn has come', 100, 600, true, false],
  ])('%s', (_what, modelRequests, minutes, hasTurnArrived, expected) => {
    const firstModelsAt = 1_900_000_000_000;
    const lastModelsAt = firstModelsAt + minutes * MINUTE;
    expect(looksBypassed({ modelRequests, firstModelsAt, lastModelsAt, hasTurnArrived })).toBe(expected);
  });
});
