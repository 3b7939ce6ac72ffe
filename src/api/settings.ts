import { z } from 'zod';

/** A setting in force. Tokens are shown as `set` or `not set`. */
const settingSchema = z.object({
  name: z.string(),
  value: z.string(),
  /** Where it comes from; `operator`: changed at run time. */
  source: z.enum(['default', 'environment', '.env', 'operator']),
  /** Whether `PATCH /admin/settings` may change it. */
  changeable: z.boolean(),
});

export const settingsSchema = z.object({
  settings: z.array(settingSchema),
  /** The values that `PATCH` takes for `policy`. */
  policies: z.array(z.string()),
});
/** The settings after a change. `persisted`: whether the change survives a restart. */
export const changedSettingsSchema = settingsSchema.extend({ persisted: z.boolean() });
export type ChangedSettingsView = z.infer<typeof changedSettingsSchema>;
export type SettingsView = z.infer<typeof settingsSchema>;
