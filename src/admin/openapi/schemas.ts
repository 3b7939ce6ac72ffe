import { z } from 'zod';
import { accountSchema, changedAccountSchema } from '../../api/account.js';
import { doctorSchema } from '../../api/doctor.js';
import { deltaSchema, droppedSchema, snapshotSchema } from '../../api/events.js';
import { healthSchema, readinessSchema } from '../../api/health.js';
import { loginSchema } from '../../api/login.js';
import { pageSessionSchema } from '../../api/page-session.js';
import { importResultSchema, reloadResultSchema, removedAccountSchema } from '../../api/pool-files.js';
import { quotaSampleSchema } from '../../api/quota-history.js';
import { requestSchema } from '../../api/request.js';
import { problemSchema } from '../../api/shared-shapes.js';
import { forgottenSchema, sessionSchema } from '../../api/session.js';
import { changedSettingsSchema, settingsSchema } from '../../api/settings.js';
import { summarySchema } from '../../api/summary.js';
import { usageSchema } from '../../api/usage.js';
import { patchSchema } from '../accounts/account-settings-patch.js';
import { patchSchema as settingsPatchSchema } from '../settings/settings-patch.js';
import { moveSchema } from '../sessions/session-question.js';
import { beginSchema, pastedSchema } from '../login.controller.js';
import { bodySchema as signInSchema } from '../page/session.controller.js';

/** The shape of Codex's `auth.json`; the import checks more than can be said here, and its refusals name the fault. */
const authJsonSchema = z.looseObject({
  OPENAI_API_KEY: z.string().nullish(),
  tokens: z.looseObject({
    id_token: z.string(),
    access_token: z.string(),
    refresh_token: z.string(),
    account_id: z.string().nullish(),
  }),
  last_refresh: z.string().nullish(),
});

const oneImportSchema = z.union([
  authJsonSchema,
  z.strictObject({ name: z.string().nullable(), auth: authJsonSchema }),
]);

/** A refusal in the shape that Codex reads: of requests that no route may serve. */
const localErrorSchema = z.object({
  error: z.looseObject({ type: z.string(), code: z.string(), message: z.string() }),
});

/** Schemas of responses, by their names in the document. */
export const responseSchemas = {
  Account: accountSchema,
  ChangedAccount: changedAccountSchema,
  ChangedSettings: changedSettingsSchema,
  Delta: deltaSchema,
  Doctor: doctorSchema,
  Dropped: droppedSchema,
  Forgotten: forgottenSchema,
  Health: healthSchema,
  ImportResult: importResultSchema,
  LocalError: localErrorSchema,
  Login: loginSchema,
  PageSession: pageSessionSchema,
  Problem: problemSchema,
  QuotaSample: quotaSampleSchema,
  Readiness: readinessSchema,
  ReloadResult: reloadResultSchema,
  RemovedAccount: removedAccountSchema,
  Request: requestSchema,
  Session: sessionSchema,
  Settings: settingsSchema,
  Snapshot: snapshotSchema,
  Summary: summarySchema,
  Usage: usageSchema,
} as const;

/** Schemas of request bodies, by their names in the document. */
export const bodySchemas = {
  AccountPatch: patchSchema,
  AccountImport: z.union([oneImportSchema, z.array(oneImportSchema)]),
  LoginBegin: beginSchema,
  PastedCallback: pastedSchema,
  SignIn: signInSchema,
  SessionMove: moveSchema,
  SettingsPatch: settingsPatchSchema,
} as const;

export type SchemaName = keyof typeof responseSchemas | keyof typeof bodySchemas;
