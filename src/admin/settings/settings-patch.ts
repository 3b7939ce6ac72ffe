import { z } from 'zod';
import type { RuntimeChanges } from '../../config/runtime-settings.js';
import { selectionPolicyNames } from '../../config/selection-policy-name.js';
import { notifyUrl } from '../../config/setting-kinds.js';
import { Problem } from '../problems/problem.js';

export const settingFields = ['policy', 'debug', 'notifyUrl'] as const;

/** The body of `PATCH /admin/settings`. Null: as configured. An empty `notifyUrl`: no alerts. */
export const patchSchema = z.strictObject({
  policy: z.enum(selectionPolicyNames, `one of ${selectionPolicyNames.join(', ')}, or null`).nullish(),
  debug: z.boolean('true, false or null').nullish(),
  notifyUrl: z.string('an http or https address, an empty text, or null').max(2_000).nullish(),
});

/** Returns the operator's changes after those of a body. @throws Problem that names the invalid fields */
export function changesIn(body: unknown, before: RuntimeChanges): RuntimeChanges {
  const parsed = patchSchema.safeParse(body);
  if (!parsed.success) throw badSettings(parsed.error.issues.map(faultOf));
  const { policy, debug, notifyUrl: address } = parsed.data;
  const after: { -readonly [Key in keyof RuntimeChanges]: RuntimeChanges[Key] } = { ...before };
  if (policy === null) delete after.policy;
  else if (policy !== undefined) after.policy = policy;
  if (debug === null) delete after.debug;
  else if (debug !== undefined) after.debug = debug;
  if (address === null) delete after.notifyUrl;
  else if (address !== undefined) after.notifyUrl = addressIn(address);
  return after;
}

/** Returns changes as a body that makes them. */
export function writtenChanges({
  notifyUrl: address,
  ...changes
}: RuntimeChanges): z.infer<typeof patchSchema> {
  return address === undefined ? changes : { ...changes, notifyUrl: address?.href ?? '' };
}

function addressIn(text: string): URL | null {
  const read = notifyUrl.safeParse(text);
  if (read.success) return read.data;
  throw badSettings(read.error.issues.map((it) => `notifyUrl: ${it.message}`));
}

/** Does not quote the input. */
function faultOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `the known fields are ${settingFields.join(', ')}`;
  if (issue.path.length === 0) return `the body must be an object with some of ${settingFields.join(', ')}`;
  return `${issue.path.join('.')}: ${issue.message}`;
}

function badSettings(faults: readonly string[]): Problem {
  return new Problem(400, 'bad_settings', `${[...new Set(faults)].join('; ')}.`);
}
