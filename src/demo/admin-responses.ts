import { z } from 'zod';

const accountSchema = z.object({
  name: z.string(),
  plan: z.string().nullable(),
  available: z.boolean(),
  reason: z.string().nullable(),
  until: z.number().nullable(),
  inFlight: z.number(),
  expiresAt: z.number().nullable(),
  windows: z.array(z.object({ durationSeconds: z.number(), usedRatio: z.number() })),
  totals: z.object({ input: z.number(), cached: z.number(), output: z.number(), turns: z.number() }),
});

/** The fields of `GET /admin/accounts` that the demo shows. */
export const accountsSchema = z.array(accountSchema);
export type ShownAccount = z.infer<typeof accountSchema>;

/** The fields of `GET /admin/requests/{id}` that the demo shows. */
export const decisionSchema = z.object({
  attempts: z.array(
    z.object({ account: z.string(), by: z.string(), outcome: z.string(), status: z.number().nullable() }),
  ),
  result: z.string(),
});
export type ShownDecision = z.infer<typeof decisionSchema>;
