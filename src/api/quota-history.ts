import { z } from 'zod';
import { quotaWindowSchema } from './shared-shapes.js';

/** A quota window of an account as it was at a time. */
export const quotaSampleSchema = quotaWindowSchema.extend({ accountId: z.string() });
