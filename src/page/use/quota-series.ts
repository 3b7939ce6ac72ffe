import { durationName } from '../../wording/times.js';
import type { PlotData } from './usage-series.js';

/** One sample of an account's quota window, as `GET /admin/accounts/{name}/quota` returns it. */
export interface QuotaSample {
  readonly durationSeconds: number;
  readonly seenAt: number;
  /** 0–1; upstream may report more than 1. */
  readonly usedRatio: number;
  readonly resetsAt: number | null;
}

/** A reset of a quota window, epoch ms. */
export interface ResetMark {
  readonly at: number;
  readonly durationSeconds: number;
}

/** The share that a window must lose for its fall to count as a reset. */
const LEAST_FALL = 0.02;

/** Returns the used share of each window over time, in percent, shortest window first. */
export function quotaPlot(samples: readonly QuotaSample[]): PlotData {
  const times = [...new Set(samples.map((it) => it.seenAt))].toSorted((a, b) => a - b);
  const place = new Map(times.map((it, index) => [it, index]));
  const series = windowsOf(samples).map((durationSeconds) => {
    const values: (number | null)[] = times.map(() => null);
    for (const sample of samples) {
      if (sample.durationSeconds !== durationSeconds) continue;
      values[place.get(sample.seenAt) ?? 0] = sample.usedRatio * 100;
    }
    return { label: durationName(durationSeconds), values };
  });
  return { times, series };
}

/**
 * Returns the resets seen in a history: a window's share has fallen. The moment is the reset that upstream had
 * announced, if that lies between the two samples, else that of the second sample.
 */
export function resetMarks(samples: readonly QuotaSample[]): ResetMark[] {
  const marks: ResetMark[] = [];
  for (const durationSeconds of windowsOf(samples)) {
    const own = samples
      .filter((it) => it.durationSeconds === durationSeconds)
      .toSorted((a, b) => a.seenAt - b.seenAt);
    own.forEach((sample, index) => {
      const before = own[index - 1];
      if (before === undefined || before.usedRatio - sample.usedRatio < LEAST_FALL) return;
      const { resetsAt } = before;
      const isBetween = resetsAt !== null && resetsAt >= before.seenAt && resetsAt <= sample.seenAt;
      marks.push({ at: isBetween ? resetsAt : sample.seenAt, durationSeconds });
    });
  }
  return marks.toSorted((a, b) => a.at - b.at);
}

function windowsOf(samples: readonly QuotaSample[]): number[] {
  return [...new Set(samples.map((it) => it.durationSeconds))].toSorted((a, b) => a - b);
}
