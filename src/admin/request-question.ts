import { z } from 'zod';
import type { RequestView } from '../api/request.js';
import { limits } from '../config/limits.js';
import { machineZone } from '../usage/report/local-days.js';
import { cursorSchema, limitSchema, type PageCursor } from './lists/page-cursor.js';
import { moment } from './moment.js';
import { Problem } from './problems/problem.js';

/** Which requests to list. A filter that is undefined lets all pass; times are epoch ms, `to` is exclusive. */
export interface RequestFilter {
  /** Name of the account that served, or was tried last. */
  readonly account?: string | undefined;
  /** Hash of the session. */
  readonly session?: string | undefined;
  /** How the request ended, or the outcome of one of its attempts. */
  readonly outcome?: string | undefined;
  readonly model?: string | undefined;
  /** Hash or name of the project. */
  readonly project?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface RequestQuestion {
  readonly filter: RequestFilter;
  readonly limit: number;
  /** The last request of the page before; null for the first page. */
  readonly after: PageCursor | null;
}

const text = z.string().min(1).max(200).optional();
export const querySchema = z.object({
  account: text,
  session: text,
  outcome: text,
  model: text,
  project: text,
  from: moment.optional(),
  to: moment.optional(),
  cursor: cursorSchema.optional(),
  limit: limitSchema(limits.requestLogEntries),
});

/**
 * Reads the query of `GET /admin/requests`.
 * @throws Problem
 */
export function requestQuestion(query: unknown): RequestQuestion {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) {
    const faults = new Set(parsed.error.issues.map((it) => it.path.join('.')));
    throw new Problem(
      400,
      'bad_query',
      `Invalid: ${[...faults].join(', ')}. account, session, outcome, model and project are text, from and to are epoch ms or ISO dates, limit is 1 to ${limits.requestLogEntries}, cursor is that of a page's link.`,
    );
  }
  const { from, to, cursor, limit, ...names } = parsed.data;
  const zone = machineZone();
  return { filter: { ...names, from: from?.(zone), to: to?.(zone) }, limit, after: cursor ?? null };
}

/** Whether a request passes the filters. */
export function passes(request: RequestView, filter: RequestFilter): boolean {
  const { account, session, outcome, model, project, from, to } = filter;
  return (
    isOf(account, request.account) &&
    isOf(session, request.session) &&
    isOf(model, request.model) &&
    isOf(project, request.project?.hash, request.project?.name) &&
    isOf(outcome, request.result, ...request.attempts.flatMap((it) => [it.outcome, it.failedLate])) &&
    (from === undefined || request.at >= from) &&
    (to === undefined || request.at < to)
  );
}

function isOf(wanted: string | undefined, ...values: readonly (string | null | undefined)[]): boolean {
  return wanted === undefined || values.includes(wanted);
}
