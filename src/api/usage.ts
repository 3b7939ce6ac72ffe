import { z } from 'zod';
import { epochMs, usageTotalsSchema } from './shared-shapes.js';

/** By what `GET /admin/usage` splits its sums. */
export const usageSplits = ['none', 'account', 'model', 'project', 'session', 'effort', 'front-end'] as const;
export type UsageSplit = (typeof usageSplits)[number];

const sums = usageTotalsSchema.extend({
  /** Input tokens that upstream had not cached, in turns that moved their session to another account. */
  resent: z.int().nonnegative(),
  /** API-equivalent price in US dollars, not a bill; absent without `PROXY_PRICES`, null if a model has no price. */
  cost: z.number().nonnegative().nullable().optional(),
});

/** The sums of one account, model, project, session, effort or front end. */
const group = sums.extend({
  /** Identity: an account id, a model, a hash. Empty if the client named none. */
  key: z.string(),
  /** For people; null if the key says it all, or if the account has left the pool. */
  name: z.string().nullable(),
});

/** `GET /admin/usage`. */
export const usageSchema = z.object({
  tz: z.string(),
  from: epochMs,
  totals: sums,
  /** Accounts with most turns first. */
  accounts: z.array(usageTotalsSchema.extend({ accountId: z.string(), name: z.string().nullable() })),
  accountCount: z.int().nonnegative(),
  /** The sums by `by` over the whole span, largest first, bounded; absent for `none`. */
  groups: z.array(group).optional(),
  /** How many there are, shown or not. */
  groupCount: z.int().nonnegative().optional(),
  /** One entry per hour or day with usage, split by `by` if that is `account` or `model`; oldest first. */
  hours: z.array(
    usageTotalsSchema.extend({
      at: epochMs,
      day: z.string().optional(),
      accountId: z.string().optional(),
      name: z.string().nullable().optional(),
      model: z.string().optional(),
    }),
  ),
  /** `cursor` of the next page; null on the last one. */
  next: z.string().nullable(),
  /** Median and 95th percentile of the newest 10,000 recorded turns in the span, ms; null without any. */
  firstByteMs: z.object({ p50: z.number(), p95: z.number() }).nullable(),
  /** Turns in the span that more than one account was tried for. */
  failovers: z.int().nonnegative(),
  /** Says what `cost` is; absent without `PROXY_PRICES`. */
  costNote: z.string().optional(),
});
export type UsageView = z.infer<typeof usageSchema>;
