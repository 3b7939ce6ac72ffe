import { z } from 'zod';
import { limits } from '../../config/limits.js';
import { cursorSchema, limitSchema, type PageCursor } from '../lists/page-cursor.js';
import { Problem } from '../problems/problem.js';

const account = z.string().min(1).max(limits.importedNameChars).optional();
export const listSchema = z.strictObject({
  account,
  cursor: cursorSchema.optional(),
  limit: limitSchema(limits.sessionPage),
});
export const forgetSchema = z.strictObject({ account });
export const moveSchema = z.strictObject({ account: z.string().min(1).max(limits.importedNameChars) });

/** Which sessions to list. `account` undefined: those of all accounts. */
export interface SessionQuestion {
  readonly account: string | undefined;
  readonly limit: number;
  /** The last session of the page before; null for the first page. */
  readonly after: PageCursor | null;
}

/** Reads the query of `GET /admin/affinity`. @throws Problem */
export function sessionQuestion(query: unknown): SessionQuestion {
  const parsed = listSchema.safeParse(query);
  if (!parsed.success) {
    const detail = `account is a name, limit is 1 to ${limits.sessionPage}, cursor is that of a page's link; there is nothing else.`;
    throw new Problem(400, 'bad_query', detail);
  }
  return {
    account: parsed.data.account,
    limit: parsed.data.limit,
    after: parsed.data.cursor ?? null,
  };
}

/** Reads the query of `DELETE /admin/affinity`: the name of an account; undefined for all. @throws Problem */
export function forgottenAccount(query: unknown): string | undefined {
  const parsed = forgetSchema.safeParse(query);
  if (parsed.success) return parsed.data.account;
  throw new Problem(400, 'bad_query', 'The query may only have account, the name of one.');
}

/** Reads the name of the account that a session moves to. @throws Problem */
export function chosenAccount(body: unknown): string {
  const parsed = moveSchema.safeParse(body);
  if (parsed.success) return parsed.data.account;
  throw new Problem(400, 'bad_body', 'The body must be {"account": "<name of an account>"}.');
}
