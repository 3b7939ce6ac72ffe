import { z } from 'zod';
import { epochMs, quotaWindowSchema, usageTotalsSchema } from './shared-shapes.js';

/** The states of an account, each with a word that page, command line and logs share (`wording/account-words.ts`). */
export const accountStates = [
  'ready',
  'last-in-line',
  'full',
  'resting',
  'at-limit',
  'paused',
  'needs-login',
  'token-not-renewed',
  'deactivated',
  'broken-file',
  'leaving',
] as const;
export type AccountState = (typeof accountStates)[number];

/** A refusal that keeps the account from serving requests in its scope. */
const refusalSchema = z.object({
  /** `account`, `images`, `meter:<name>` or `model:<name>`. */
  scope: z.string(),
  reason: z.string(),
  at: epochMs,
  until: epochMs,
});

/** A meter other than the general one. */
const meterSchema = z.object({
  name: z.string(),
  label: z.string().nullable(),
  /** Null: upstream did not say. */
  allowed: z.boolean().nullable(),
  windows: z.array(quotaWindowSchema),
});

/** An account, or a broken file, as shown to the operator: everything except secrets. Shares are 0–1. */
export const accountSchema = z.object({
  name: z.string(),
  label: z.string().nullable(),
  state: z.enum(accountStates),
  /** The state in words, with its cause and its end. */
  sentence: z.string(),
  paused: z.boolean(),
  /** When the pause ends by itself; null if only a person ends it, or if it is not paused. */
  pausedUntil: epochMs.nullable(),
  priority: z.int(),
  /** Share of each quota window that the pool never uses. */
  reserve: z.number().min(0).max(1),
  maxInFlight: z.int().positive().nullable(),
  /** Whether its credits may serve once the quota is used up: after all other accounts, or never. */
  credits: z.enum(['last', 'never']),
  available: z.boolean(),
  /** Why it may not serve; null if it may. */
  reason: z.string().nullable(),
  /**
   * Why it serves after all others, only in state `last-in-line`: its token seems to have ended, its quota is used up, or
   * it has just refused a request.
   */
  lastFor: z.enum(['token', 'quota', 'refusal']).optional(),
  /** When that began; null if unknown. */
  since: epochMs.nullable(),
  /** When that ends by itself; null if unknown or never. */
  until: epochMs.nullable(),
  inFlight: z.int().nonnegative(),
  plan: z.string().nullable(),
  /** Exposed only here, nowhere else in the program. */
  email: z.string().nullable(),
  accountId: z.string().nullable(),
  userId: z.string().nullable(),
  /** Expiry of the access token. */
  expiresAt: epochMs.nullable(),
  lastRefreshAt: epochMs.nullable(),
  refresh: z.string(),
  lastSuccessAt: epochMs.nullable(),
  /** For example: the file has become broken, tokens could not be written, the login is shared. */
  warnings: z.array(z.string()),
  /** The refusals in force. */
  refusals: z.array(refusalSchema),
  windows: z.array(quotaWindowSchema),
  meters: z.array(meterSchema),
  /** Null if unknown. `balance` null: upstream gave none. */
  creditStatus: z
    .object({ hasCredits: z.boolean(), unlimited: z.boolean(), balance: z.number().nullable() })
    .nullable(),
  totals: usageTotalsSchema,
  /** The part of `totals` since midnight of the machine's time zone. */
  today: usageTotalsSchema,
});
export type AccountView = z.infer<typeof accountSchema>;

/** An account after a change. `persisted`: whether the change survives a restart. */
export const changedAccountSchema = accountSchema.extend({ persisted: z.boolean() });
export type ChangedAccountView = z.infer<typeof changedAccountSchema>;
