import type { RequestView } from '../../api/request.js';

/** One attempt on the timeline of a request. Shares are 0–1 of the whole time. */
export interface TimelineStep {
  readonly attempt: RequestView['attempts'][number];
  readonly number: number;
  readonly offsetMs: number;
  /** Until the next attempt began, or the request ended; null while it runs. */
  readonly lengthMs: number | null;
  readonly startRatio: number;
  readonly lengthRatio: number;
}

/** Returns the attempts of a request on one scale, from its arrival to its end, or to `now` while it runs. */
export function timelineOf(
  request: Pick<RequestView, 'at' | 'endedAt' | 'attempts'>,
  now: number,
): TimelineStep[] {
  const { at, endedAt, attempts } = request;
  const last = endedAt ?? now;
  const whole = Math.max(1, last - at);
  return attempts.map((attempt, index) => {
    const next = attempts[index + 1]?.startedAt ?? endedAt;
    const start = within(attempt.startedAt - at, whole);
    const end = within((next ?? now) - at, whole);
    return {
      attempt,
      number: index + 1,
      offsetMs: Math.max(0, attempt.startedAt - at),
      lengthMs: next === null ? null : Math.max(0, next - attempt.startedAt),
      startRatio: start / whole,
      lengthRatio: Math.max(0, end - start) / whole,
    };
  });
}

/** A clock that was set back must not draw outside the scale. */
function within(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
