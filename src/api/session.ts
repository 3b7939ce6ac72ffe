import { z } from 'zod';
import { projectSchema } from './request.js';
import { epochMs } from './shared-shapes.js';

/** A session and the account that its turns go to. */
export const sessionSchema = z.object({
  /** Hash of the session key. */
  session: z.string(),
  /** Name of its account; null if that has left the pool. */
  account: z.string().nullable(),
  usedAt: epochMs,
  /** The account that served it before it moved; null if it has never moved. */
  movedFrom: z.string().nullable(),
  /** The account that the operator has chosen for its next turn; null if none. */
  movesTo: z.string().nullable(),
  /** Project and model of its last request; null if that names none, or is no longer among the requests in memory. */
  project: projectSchema.nullable(),
  model: z.string().nullable(),
});
/** The number of sessions that were forgotten. */
export const forgottenSchema = z.object({ forgotten: z.int().nonnegative() });
export type ForgottenView = z.infer<typeof forgottenSchema>;
export type SessionView = z.infer<typeof sessionSchema>;
