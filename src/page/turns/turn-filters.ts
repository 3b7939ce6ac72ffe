import type { RequestView } from '../../api/request.js';

/** The filters of the list of turns, as they stand in the address. Empty text: no filter. */
export interface TurnFilters {
  readonly account: string;
  readonly session: string;
  /** How the request ended, or the outcome of one of its attempts. */
  readonly outcome: string;
  readonly model: string;
  /** Hash or name of a project. */
  readonly project: string;
  /** Local times, as a field of type `datetime-local` has them: `2026-11-27T14:00`. */
  readonly from: string;
  readonly to: string;
}

export const turnFilterNames = ['account', 'session', 'outcome', 'model', 'project', 'from', 'to'] as const;

/** The longest filter that is read from an address; the API takes no longer one. */
const MOST_CHARS = 200;

/** Reads the filters from the query of an address. Times that are none are left out. */
export function turnFiltersIn(query: URLSearchParams): TurnFilters {
  const text = (name: string) => (query.get(name) ?? '').slice(0, MOST_CHARS);
  const time = (name: string) => (localTime(text(name)) === null ? '' : text(name));
  return {
    account: text('account'),
    session: text('session'),
    outcome: text('outcome'),
    model: text('model'),
    project: text('project'),
    from: time('from'),
    to: time('to'),
  };
}

/** Returns the query of `GET /admin/requests` for the filters: times as epoch ms, at most `limit` requests. */
export function requestsQuery(filters: TurnFilters, limit: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of turnFilterNames) {
    const value = filters[name];
    if (value === '') continue;
    query.set(name, name === 'from' || name === 'to' ? String(localTime(value) ?? '') : value);
  }
  query.set('limit', String(limit));
  return query;
}

/** Whether any filter is set: an empty list then means "no match", not "no data". */
export function isFiltered(filters: TurnFilters): boolean {
  return turnFilterNames.some((it) => filters[it] !== '');
}

/** Whether a request that arrives live belongs into the filtered list. */
export function matchesFilters(request: RequestView, filters: TurnFilters): boolean {
  const { account, session, outcome, model, project } = filters;
  const [from, to] = [localTime(filters.from), localTime(filters.to)];
  return (
    (account === '' || request.account === account) &&
    (session === '' || request.session === session) &&
    (outcome === '' || outcomesOf(request).has(outcome)) &&
    (model === '' || request.model === model) &&
    (project === '' || request.project?.hash === project || request.project?.name === project) &&
    (from === null || request.at >= from) &&
    (to === null || request.at < to)
  );
}

function outcomesOf({ result, attempts }: RequestView): ReadonlySet<string | null> {
  return new Set([result, ...attempts.flatMap((it) => [it.outcome, it.failedLate])]);
}

/** Returns a local time of the form `2026-11-27T14:00` as epoch ms; null if it is none. */
export function localTime(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(text)) return null;
  const at = new Date(text).getTime();
  return Number.isNaN(at) || at < 0 ? null : at;
}
