import { z } from 'zod';
import { epochMs } from './shared-shapes.js';

/** `GET /admin/session`: how this browser may use the page. */
export const pageSessionSchema = z.object({
  /** Whether `PROXY_ADMIN_TOKEN` is set. */
  tokenRequired: z.boolean(),
  /** When the sign-in of this browser ends; null if it did not sign in by the form. */
  endsAt: epochMs.nullable(),
});
export type PageSessionView = z.infer<typeof pageSessionSchema>;
