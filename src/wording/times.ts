/** How times and amounts read, everywhere: on the page, on the command line, in sentences of the API. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Returns a span in words, rounded up, so that a countdown never says less: `12 s`, `38 min`, `2 h 10`, `3 d 4 h`. */
export function span(ms: number): string {
  if (ms <= 0) return 'now';
  if (ms < MINUTE) return `${Math.ceil(ms / SECOND)} s`;
  const minutes = Math.ceil(ms / MINUTE);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (ms < DAY && hours < 24) {
    const rest = minutes % 60;
    return rest === 0 ? `${hours} h` : `${hours} h ${String(rest).padStart(2, '0')}`;
  }
  const wholeHours = Math.ceil(ms / HOUR);
  const [days, rest] = [Math.floor(wholeHours / 24), wholeHours % 24];
  return rest === 0 ? `${days} d` : `${days} d ${rest} h`;
}

/** Returns how long ago a time is: `3 min ago`, `just now` within 5 s. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  return ms < 5 * SECOND ? 'just now' : `${span(Math.max(SECOND, Math.floor(ms / SECOND) * SECOND))} ago`;
}

/** Returns a local time of day, with the weekday if it is another day, or the date if it is more than six days away. */
export function clock(at: number, now: number): string {
  const [then, today] = [new Date(at), new Date(now)];
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === today.toDateString()) return time;
  if (Math.abs(at - now) < 6 * DAY) return `${WEEKDAYS[then.getDay()] ?? ''} ${time}`;
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`;
}

/** Returns a time with the wait until it: `14:20 (in 38 min)`. */
export function clockAndWait(at: number, now: number): string {
  return `${clock(at, now)} (in ${span(at - now)})`;
}

/** Returns the name of a quota window by its duration: `5 h`, `7 d`, `30 d`. */
export function durationName(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return span(seconds * SECOND);
}

/** Returns a share as whole percent: `31 %`. Never 0 or 100 unless it is. */
export function percent(ratio: number): string {
  const exact = Math.min(Math.max(ratio, 0), 1) * 100;
  const shown = exact > 0 && exact < 1 ? 1 : exact > 99 && exact < 100 ? 99 : Math.round(exact);
  return `${shown} %`;
}

/** Returns an amount with three digits at most: `940`, `12 k`, `3.1 M`. */
export function amount(value: number): string {
  for (const [unit, size] of UNITS) {
    if (value < size * 0.9995) continue;
    const scaled = value / size;
    return `${scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled).toString()} ${unit}`;
  }
  return String(Math.round(value));
}

const UNITS = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const;

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function two(value: number): string {
  return String(value).padStart(2, '0');
}
