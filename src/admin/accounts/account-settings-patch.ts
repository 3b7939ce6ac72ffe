import { z } from 'zod';
import { type AccountSettings, isPausedAt } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import { Problem } from '../problems/problem.js';

const { accountLabelLength, maxPriority, maxReserveRatio, longestPauseMs } = limits;

/** The settings that the operator may change. Omitted fields keep their value. */
export const patchSchema = z.strictObject({
  paused: z.boolean('true or false').optional(),
  pausedUntil: z.int('a time in epoch ms, or null').nullish(),
  label: text(accountLabelLength).nullish(),
  priority: whole(-maxPriority, maxPriority).optional(),
  reserve: share(maxReserveRatio).optional(),
  maxInFlight: whole(1, limits.maxInFlight, ', or null').nullish(),
  credits: z.enum(['last', 'never'], 'last or never').optional(),
});

function text(most: number) {
  const what = `text of at most ${most} characters without control characters, or null`;
  return z
    .string(what)
    .max(most, what)
    .regex(/^\P{Cc}*$/u, what);
}

function whole(least: number, most: number, orElse = '') {
  const what = `a whole number from ${least} to ${most}${orElse}`;
  return z.int(what).min(least, what).max(most, what);
}

function share(most: number) {
  const what = `a share from 0 to ${most}`;
  return z.number(what).min(0, what).max(most, what);
}

/** Returns the settings with the changes of a request body. @throws Problem that names the invalid fields */
export function patchedSettings(before: AccountSettings, body: unknown, now: number): AccountSettings {
  const parsed = patchSchema.safeParse(body);
  if (!parsed.success) throw badSettings(parsed.error);
  const { label, priority, reserve, maxInFlight, credits } = parsed.data;
  return {
    ...patchedPause(before, parsed.data, now),
    label: label === undefined ? before.label : label,
    priority: priority ?? before.priority,
    reserveRatio: reserve ?? before.reserveRatio,
    maxInFlight: maxInFlight === undefined ? before.maxInFlight : maxInFlight,
    credits: credits ?? before.credits,
  };
}

/**
 * Only `pausedUntil` with a time gives the pause an end; `paused: true` pauses until resumed. A pause that is changed
 * keeps its beginning.
 */
function patchedPause(
  before: AccountSettings,
  { paused, pausedUntil }: Pick<z.infer<typeof patchSchema>, 'paused' | 'pausedUntil'>,
  now: number,
): Pick<AccountSettings, 'isPaused' | 'pausedUntil' | 'pausedAt'> {
  const wasPaused = isPausedAt(before, now);
  const pausedAt = wasPaused ? before.pausedAt : now;
  if (typeof pausedUntil === 'number') {
    if (paused === false) throw badPause('it needs a pause, and paused is false');
    if (pausedUntil <= now || pausedUntil - now > longestPauseMs)
      throw badPause('a time in epoch ms, in the future and within a year, or null');
    return { isPaused: true, pausedUntil, pausedAt };
  }
  const isPaused = paused ?? wasPaused;
  const keepsEnd = paused === undefined && pausedUntil === undefined && wasPaused;
  return {
    isPaused,
    pausedUntil: keepsEnd ? before.pausedUntil : null,
    pausedAt: isPaused ? pausedAt : null,
  };
}

function badPause(why: string): Problem {
  return new Problem(400, 'bad_settings', `pausedUntil: ${why}.`);
}

function badSettings({ issues }: z.ZodError): Problem {
  const known = Object.keys(patchSchema.shape).join(', ');
  const words = issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(
        (key) => `${JSON.stringify(key.slice(0, 40))} is not a known field (known: ${known})`,
      );
    }
    if (issue.path.length === 0) return [`the body must be an object with some of ${known}`];
    return [`${issue.path.join('.')}: ${issue.message}`];
  });
  return new Problem(400, 'bad_settings', `${[...new Set(words)].slice(0, 10).join('; ')}.`);
}
