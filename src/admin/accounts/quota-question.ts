import { z } from 'zod';
import { limits } from '../../config/limits.js';
import type { HistoryQuery } from '../../usage/quota-history.js';
import { cursorSchema, limitSchema } from '../lists/page-cursor.js';
import { Problem } from '../problems/problem.js';

/** The key of a cursor is the duration of a window, in seconds. */
const isDuration = (key: string): boolean => /^\d/.test(key) && Number.isFinite(Number(key));

export const querySchema = z.object({
  since: z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .default(0),
  cursor: cursorSchema.refine((it) => isDuration(it.key)).optional(),
  limit: limitSchema(limits.quotaSamples),
});

/** Reads the query of `GET /admin/accounts/{name}/quota`. @throws Problem */
export function quotaQuestion(query: unknown, accountId: string): HistoryQuery {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) {
    const detail = `since must be a time in epoch ms, limit is 1 to ${limits.quotaSamples}, cursor is the one in the header Link of a page.`;
    throw new Problem(400, 'bad_query', detail);
  }
  const { since, cursor, limit } = parsed.data;
  return {
    accountId,
    since,
    before: cursor === undefined ? null : { seenAt: cursor.at, durationSeconds: Number(cursor.key) },
    most: limit,
  };
}
