import { z } from 'zod';
import { epochMs, usageTotalsSchema } from './shared-shapes.js';

/** Whether the pool serves now, best first; `none-yet`: it has no account. */
export const verdictKinds = [
  'serves',
  'serves-last-in-line',
  'full',
  'waits',
  'needs-person',
  'none-yet',
  'way-blocked',
  'stopping',
] as const;

/** The pool's verdict: one sentence with its cause, and what it is made of. */
export const verdictSchema = z.object({
  kind: z.enum(verdictKinds),
  sentence: z.string(),
  /** The account that a new session would get now; null if none. */
  next: z.string().nullable(),
  /** When the first account is back; null if unknown, or if one serves. */
  backAt: epochMs.nullable(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** The pool's quota window of one duration: shares are weighted by the capacities of the plans. */
const poolWindowSchema = z.object({
  durationSeconds: z.int().positive(),
  usedRatio: z.number().nonnegative(),
  /** The reset that returns the most quota; null if no account states one. */
  resetsAt: epochMs.nullable(),
});

/** Something that is wrong, what it means, and what helps. */
export const poolProblemSchema = z.object({
  /** Stable, the same for the same problem: for example `needs-login`, `database-off`, `turns-bypass`. */
  code: z.string(),
  /** The account that it is about; null for the pool as a whole. */
  account: z.string().nullable(),
  since: epochMs.nullable(),
  sentence: z.string(),
  /** The action that helps, if the page has one. */
  action: z.enum(['login', 'resume', 'reload', 'refresh', 'add-account', 'set-up']).nullable(),
});
export type PoolProblem = z.infer<typeof poolProblemSchema>;

/** The pool at a glance, for menu bars and status lines: small and stable; fields are added, never changed. */
export const summarySchema = z.object({
  version: z.string(),
  now: epochMs,
  startedAt: epochMs,
  verdict: verdictSchema,
  /** Accounts and broken files. */
  accounts: z.int().nonnegative(),
  ready: z.int().nonnegative(),
  inFlight: z.int().nonnegative(),
  /** The largest plan in the pool. */
  plan: z.string().nullable(),
  /** Shortest duration first; empty if nothing is known. */
  windows: z.array(poolWindowSchema),
  /** Meters other than the general one. */
  meters: z.array(
    z.object({ name: z.string(), label: z.string().nullable(), windows: z.array(poolWindowSchema) }),
  ),
  /** Since midnight of the machine's time zone. `failovers` and `failed` count since midnight, or the start if later. */
  today: usageTotalsSchema.extend({ failovers: z.int().nonnegative(), failed: z.int().nonnegative() }),
  policy: z.string(),
  /** When Codex's last request came; null if none has since the start. */
  clientSeenAt: epochMs.nullable(),
  problems: z.array(poolProblemSchema),
});
export type Summary = z.infer<typeof summarySchema>;
