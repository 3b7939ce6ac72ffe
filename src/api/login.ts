import { z } from 'zod';
import { epochMs } from './shared-shapes.js';

export const loginStates = ['waiting', 'completing', 'succeeded', 'failed', 'expired', 'cancelled'] as const;

/** A login of an account, by browser or by device code, with the data of its state and without secrets. */
export const loginSchema = z.object({
  id: z.string(),
  kind: z.enum(['browser', 'device']),
  name: z.string().nullable(),
  startedAt: epochMs,
  expiresAt: epochMs,
  state: z.enum(loginStates),
  /** The page to open. Only in the response that begins a login by browser. */
  url: z.url().optional(),
  /** While a login by device code waits. */
  verificationUrl: z.string().optional(),
  userCode: z.string().optional(),
  /** After it succeeded: the account's name, and `added` or `updated`. */
  account: z.string().optional(),
  result: z.string().optional(),
  /** After it failed. */
  code: z.string().optional(),
  message: z.string().optional(),
});
export type LoginView = z.infer<typeof loginSchema>;
