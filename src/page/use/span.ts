import type { UsageSplit } from '../../api/usage.js';
import { limitedText } from './limited-text.js';

/** Spans that one click chooses, shortest first, with their length in days. */
export const presets = [
  { name: '24h', label: '24 hours', days: 1 },
  { name: '7d', label: '7 days', days: 7 },
  { name: '30d', label: '30 days', days: 30 },
  { name: '90d', label: '90 days', days: 90 },
  { name: '1y', label: '1 year', days: 365 },
] as const;

const DAY_MS = 86_400_000;
/** Spans of up to this length are shown by hour, longer ones by day. */
const MOST_BY_HOUR_MS = 7 * DAY_MS;

/** The parameters of the view of use, from the address. */
export interface UseQuestion {
  /** Name of a preset, or `dates`. */
  readonly span: string;
  /** First and last day of `dates`: `2026-11-27`; both days included. Empty for a preset. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageSplit;
  /** The account whose quota history is shown; empty for the first. */
  readonly account: string;
}

/** A span of time, epoch ms. `to` null: until now. */
export interface Span {
  readonly from: number;
  readonly to: number | null;
  readonly bucket: 'hour' | 'day';
}

const splits: Readonly<Record<UsageSplit, string>> = {
  none: 'nothing',
  account: 'account',
  model: 'model',
  project: 'project',
  session: 'session',
  effort: 'effort',
  'front-end': 'front end',
};

/** The splits with their names, for a field of choice. */
export const splitNames: readonly (readonly [string, string])[] = Object.entries(splits);

/** Reads the question from the query of an address; what is not valid becomes the default. */
export function useQuestionIn(query: URLSearchParams): UseQuestion {
  const [from, to] = [dayIn(query.get('from')), dayIn(query.get('to'))];
  const span = query.get('span') ?? '';
  const account = limitedText(query.get('account'));
  const by = splitIn(query.get('by'));
  if (span === 'dates' && from !== '' && to !== '' && from <= to) return { span, from, to, by, account };
  const preset = presets.find((it) => it.name === span) ?? presets[1];
  return { span: preset.name, from: '', to: '', by, account };
}

/** Returns the span of a question. A day ends where the next begins, whatever the clocks do in between. */
export function spanOf({ span, from, to }: UseQuestion, now: number): Span {
  if (span === 'dates') {
    const [start, end] = [startOfDay(from, 0), startOfDay(to, 1)];
    return { from: start, to: end, bucket: end - start <= MOST_BY_HOUR_MS ? 'hour' : 'day' };
  }
  const days = presets.find((it) => it.name === span)?.days ?? 7;
  const start = days === 1 ? now - DAY_MS : startOfDayBefore(now, days - 1);
  return { from: start, to: null, bucket: days * DAY_MS <= MOST_BY_HOUR_MS ? 'hour' : 'day' };
}

/** Returns the query of `GET /admin/usage` and `GET /admin/usage.csv`. `tz`: the time zone of the days. */
export function usageQuery({ from, to, bucket }: Span, by: UsageSplit, tz: string): URLSearchParams {
  const query = new URLSearchParams({ from: String(from) });
  if (to !== null) query.set('to', String(to));
  query.set('bucket', bucket);
  if (by !== 'none') query.set('by', by);
  query.set('tz', tz);
  return query;
}

function splitIn(text: string | null): UsageSplit {
  return isSplit(text) ? text : 'account';
}

function isSplit(text: string | null): text is UsageSplit {
  return text !== null && Object.hasOwn(splits, text);
}

function dayIn(text: string | null): string {
  if (text === null || !/^20\d{2}-\d{2}-\d{2}$/.test(text)) return '';
  const at = new Date(`${text}T12:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text) ? text : '';
}

/** Returns when a local day begins, `later` days after the named one. */
function startOfDay(day: string, later: number): number {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).getTime();
}

function startOfDayBefore(now: number, days: number): number {
  const today = new Date(now);
  return new Date(today.getFullYear(), today.getMonth(), today.getDate() - days).getTime();
}
