import type { RequestView } from '../api/request.js';
import { amount, clock } from './times.js';

/** How a turn reads in a list: its time, lengths, tokens and sizes. */

/** Returns a length of time, not rounded up: `40 ms`, `0.9 s`, `8.4 s`, `72 s`, `3 min 05 s`, `2 h 10 min`. */
export function lengthWords(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Returns the time of a turn: with seconds today, else with its day. */
export function turnTime(at: number, now: number): string {
  const then = new Date(at);
  const isToday = then.toDateString() === new Date(now).toDateString();
  return isToday ? `${clock(at, at)}:${two(then.getSeconds())}` : clock(at, now);
}

/** Returns first byte and whole length: `1.2 s → 8.4 s`; `→ 3.0 s` while it runs, with its age. */
export function pace(
  { at, endedAt, firstByteMs }: Pick<RequestView, 'at' | 'endedAt' | 'firstByteMs'>,
  now: number,
): string {
  const whole = lengthWords(Math.max(0, (endedAt ?? now) - at));
  return firstByteMs === null ? `→ ${whole}` : `${lengthWords(firstByteMs)} → ${whole}`;
}

/** Returns the tokens of a turn: `41 k in, 1.1 k out`; `–` if its stream reported none. */
export function tokenWords(tokens: RequestView['tokens']): string {
  return tokens === null ? '–' : `${amount(tokens.input)} in, ${amount(tokens.output)} out`;
}

/** Returns a number of bytes: `812 B`, `12 kB`, `3.1 MB`. */
export function byteWords(bytes: number): string {
  return bytes < 999.5 ? `${Math.round(bytes)} B` : `${amount(bytes)}B`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
