import { z } from 'zod';

/** The result for one `auth.json` of an import. */
export const importResultSchema = z.union([
  z.object({ name: z.string(), result: z.enum(['added', 'renewed']) }),
  z.object({
    /** The name given in the request; null if none. */
    name: z.string().nullable(),
    result: z.literal('refused'),
    code: z.string(),
    detail: z.string(),
  }),
]);

/** An account that was removed, and the new path of its file. */
export const removedAccountSchema = z.object({ name: z.string(), movedTo: z.string() });

/** Effect of a reload on one file. */
export const reloadResultSchema = z.object({
  name: z.string(),
  result: z.enum(['added', 'updated', 'renamed', 'unchanged', 'broken', 'removed']),
  /** Why the file is broken, or the name that it had before; else null. */
  reason: z.string().nullable(),
});
