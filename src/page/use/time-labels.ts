const DAY_MS = 86_400_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns the labels of a time axis, `step` ms apart: clock times within days, dates at midnight and beyond. */
export function timeLabels(times: readonly number[], step: number): string[] {
  return times.map((time) => {
    const at = new Date(time);
    const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
    return step >= DAY_MS || isMidnight ? date(at) : clockTime(at);
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
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
}
