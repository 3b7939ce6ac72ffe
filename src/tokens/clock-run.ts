import { limits } from '../config/limits.js';

/** One `date` header, compared with this machine's clock. */
export interface ClockSample {
  /** How far upstream's clock is ahead, ms. */
  readonly skewMs: number;
  /** When it was received, by this machine's clock (epoch ms). */
  readonly at: number;
}

/** Consecutive samples that agree. */
export interface ClockRun {
  readonly first: ClockSample;
  readonly count: number;
}

/** Returns the run that ends with a sample: the previous one if they agree, else a new one. */
export function extended(run: ClockRun | null, sample: ClockSample): ClockRun {
  const isSame = run !== null && Math.abs(sample.skewMs - run.first.skewMs) <= limits.clockAgreementMs;
  return isSame ? { ...run, count: run.count + 1 } : { first: sample, count: 1 };
}

/**
 * Returns whether a run is enough to correct this machine's clock. A single answer may come from a cache, an edge or a
 * server with a wrong clock, and so may several at the same moment. So the answers must agree and be spread over time.
 */
export function isConclusive({ first, count }: ClockRun, at: number): boolean {
  return count >= limits.clockAnswers && at - first.at >= limits.clockSpanMs;
}
