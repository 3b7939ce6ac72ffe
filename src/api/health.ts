import { z } from 'zod';
import { epochMs } from './shared-shapes.js';

const indicatorsSchema = z.record(z.string(), z.looseObject({ status: z.enum(['up', 'down']) }));

/** `up`; `degraded`: something is unavailable; `down`: the process cannot work. */
export const healthSchema = z.object({
  status: z.enum(['up', 'degraded', 'down']),
  version: z.string(),
  uptimeSeconds: z.int().nonnegative(),
  info: indicatorsSchema,
  error: indicatorsSchema,
  /** All indicators: those of `info` and of `error`. */
  details: indicatorsSchema,
  /** The most recent logged errors, oldest first, without secrets. */
  lastErrors: z.array(
    z.object({ at: epochMs, message: z.string(), fields: z.record(z.string(), z.unknown()) }),
  ),
});

/** Whether a turn would be served now. */
export const readinessSchema = z.object({
  ready: z.boolean(),
  accounts: z.array(
    z.object({
      name: z.string(),
      /** Why it may not serve; null if it may. */
      reason: z.string().nullable(),
      /** When that ends by itself; null if unknown or never. */
      until: epochMs.nullable(),
    }),
  ),
});
