const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns the labels of a time axis, `step` ms apart: dates at midnight and beyond, clock times, with seconds if needed. */
export function timeLabels(times: readonly number[], step: number): string[] {
  return times.map((time) => {
    const at = new Date(time);
    const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
    if (step >= DAY_MS || (isMidnight && at.getSeconds() === 0)) return date(at);
    return step < MINUTE_MS ? `${clockTime(at)}:${two(at.getSeconds())}` : clockTime(at);
  });
}

/** Returns a date with its time of day: `27 Nov 14:00`. */
export function dayLabel(time: number): string {
  const at = new Date(time);
  return `${date(at)} ${clockTime(at)}`;
}

/** Returns a date with its year: `27 Nov 2026`. */
export function dateLabel(time: number): string {
  const at = new Date(time);
  return `${date(at)} ${at.getFullYear()}`;
}

function date(at: Date): string {
  return `${at.getDate()} ${MONTHS[at.getMonth()] ?? ''}`;
}

function clockTime(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
