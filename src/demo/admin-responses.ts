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

/** `GET /admin/accounts`, as far as the demo shows it. */
export const accountsSchema = z.array(accountSchema);
export type ShownAccount = z.infer<typeof accountSchema>;

/** `GET /admin/requests/{id}`, as far as the demo shows it. */
export const decisionSchema = z.object({
  attempts: z.array(
    z.object({ account: z.string(), by: z.string(), outcome: z.string(), status: z.number().nullable() }),
  ),
  result: z.string(),
});
export type ShownDecision = z.infer<typeof decisionSchema>;
