import { z } from 'zod';
import type { UsageSplit } from '../api/usage.js';
import { limits } from '../config/limits.js';
import { isTimeZone, machineZone, startOfLocalDay } from '../usage/report/local-days.js';
import type { UsageQuery } from '../usage/report/usage-report.js';
import { type UsageFilter, whyNotFiltered } from '../usage/report/usage-filter.js';
import { cursorSchema, limitSchema } from './lists/page-cursor.js';
import { moment } from './moment.js';
import { Problem } from './problems/problem.js';

const text = z.string().min(1).max(200).optional();

const DEFAULT_SPAN_MS = 30 * 86_400_000;

/** Those of the API. Importing its schemas would slow down the start. */
const usageSplits = [
  'none',
  'account',
  'model',
  'project',
  'session',
  'effort',
  'front-end',
] as const satisfies UsageSplit[];

export const querySchema = z.object({
  from: moment.optional(),
  to: moment.optional(),
  bucket: z.enum(['hour', 'day']).default('hour'),
  by: z.enum(usageSplits).default('none'),
  account: text,
  model: text,
  project: text,
  tz: z.string().min(1).max(64).refine(isTimeZone).default(machineZone),
  cursor: cursorSchema.optional(),
  limit: limitSchema(limits.usageGroups),
});

/** Finds the names in filters. */
export interface NamesInFilters {
  /** The identity of the account with this name. A text that names no account is taken for an identity. */
  readonly accountId: (name: string) => string;
  /** The hashes of the projects of this name, and the text itself, in case it is one. */
  readonly projects: (name: string) => readonly string[];
}

/**
 * Reads the query of `GET /admin/usage`. Without `from` the span begins with the local day 30 days before its end.
 * @throws Problem
 */
export function usageQuestion(
  query: unknown,
  now: number,
  names: NamesInFilters,
): Omit<UsageQuery, 'isPriced'> {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) throw problemOf(parsed.error);
  const { from, to, bucket, by, tz, cursor, limit, account, model, project } = parsed.data;
  const end = to?.(tz);
  const filter: UsageFilter = {
    accountId: account === undefined ? undefined : names.accountId(account),
    model,
    projects: project === undefined ? undefined : names.projects(project),
  };
  const fault = whyNotFiltered(filter, by);
  if (fault !== null)
    throw new Problem(400, 'bad_query', `${fault}: there are no sums of both. Each goes with a model.`);
  return {
    from: from?.(tz) ?? startOfLocalDay(tz, Math.min(end ?? now, now) - DEFAULT_SPAN_MS),
    to: end ?? Number.MAX_SAFE_INTEGER,
    bucket,
    by,
    filter,
    tz,
    before: cursor === undefined ? null : { at: cursor.at, split: cursor.key },
    most: limit,
  };
}

function problemOf({ issues }: z.ZodError): Problem {
  const faults = new Set(issues.map((it) => it.path.join('.')));
  if (faults.has('tz')) {
    const detail = 'tz must be the name of one time zone, such as Europe/Berlin or UTC.';
    return new Problem(400, 'bad_tz', detail);
  }
  return new Problem(
    400,
    'bad_query',
    `Invalid: ${[...faults].join(', ')}. from and to are epoch ms or ISO dates, bucket must be hour or day, by must be one of ${usageSplits.join(', ')}, account, model and project are text, limit is 1 to ${limits.usageGroups}, cursor is the next of a page.`,
  );
}
