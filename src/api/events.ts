import { z } from 'zod';
import { accountSchema } from './account.js';
import { loginSchema } from './login.js';
import { requestSchema } from './request.js';
import { summarySchema } from './summary.js';

/** The first event of `GET /admin/events`, named `snapshot`: all that the page shows live. */
export const snapshotSchema = z.object({
  summary: summarySchema,
  /** By name. */
  accounts: z.array(accountSchema),
  /** The newest turns, newest first; running ones included. */
  requests: z.array(requestSchema),
  logins: z.array(loginSchema),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

/** Each further event, named `delta`: the entities that have changed, whole. What it leaves out is as before. */
export const deltaSchema = z.object({
  summary: summarySchema.optional(),
  accounts: z.array(accountSchema).optional(),
  /** Names of accounts that are gone. */
  accountsGone: z.array(z.string()).optional(),
  requests: z.array(requestSchema).optional(),
  logins: z.array(loginSchema).optional(),
});
export type Delta = z.infer<typeof deltaSchema>;

/** The last event for a listener that is dropped, named `dropped`. `fault`: of the program; see its log. */
export const droppedSchema = z.object({ reason: z.enum(['too-slow', 'stopping', 'fault']) });
export type Dropped = z.infer<typeof droppedSchema>;
