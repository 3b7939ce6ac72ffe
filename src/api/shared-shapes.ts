import { z } from 'zod';

/** A time: whole milliseconds since 1970 (UTC). */
export const epochMs = z.int().nonnegative();

/** Sums of tokens, and of turns. */
export const usageTotalsSchema = z.object({
  input: z.int().nonnegative(),
  /** The part of `input` that upstream took from its cache. */
  cached: z.int().nonnegative(),
  output: z.int().nonnegative(),
  reasoning: z.int().nonnegative(),
  turns: z.int().nonnegative(),
});
export type UsageTotals = z.infer<typeof usageTotalsSchema>;

/** The used share of an allowance, known by its duration. */
export const quotaWindowSchema = z.object({
  durationSeconds: z.int().positive(),
  /** 0 = untouched, 1 = spent; upstream may report more than 1. */
  usedRatio: z.number().nonnegative(),
  /** Null if upstream does not report it. */
  resetsAt: epochMs.nullable(),
  seenAt: epochMs,
});
export type QuotaWindow = z.infer<typeof quotaWindowSchema>;

/** A refusal of the API (RFC 9457). `code` is stable; `detail` is for people. Some problems have further members. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  code: z.string(),
  detail: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;
