import type { AccountView } from '../../api/account.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** How the end of a pause is given. */
export interface PauseEnd {
  readonly until?: string;
  readonly for?: string;
  readonly untilReset: boolean;
}

/**
 * Returns when a pause ends, epoch ms; null: when it is resumed.
 * @param account the account, for `untilReset`
 * @throws CommandError for an invalid time, or one that is over
 */
export function pauseEnd(
  flags: PauseEnd,
  account: Pick<AccountView, 'windows'> | null,
  now: number,
): number | null {
  refuseSeveral(flags);
  if (flags.for !== undefined) return now + spanIn(flags.for);
  if (flags.until !== undefined) return timeIn(flags.until, now);
  if (!flags.untilReset) return null;
  const windows = (account?.windows ?? []).filter(({ resetsAt }) => (resetsAt ?? 0) > now);
  const full = windows.filter((it) => it.usedRatio >= 1);
  const resets = (full.length > 0 ? full : windows).map((it) => it.resetsAt ?? 0);
  // Windows that are full must all be back; otherwise the next one counts.
  if (resets.length > 0) return full.length > 0 ? Math.max(...resets) : Math.min(...resets);
  throw new CommandError('No reset of this account is known. Use --for or --until.');
}

/** @throws CommandError if more than one end is given */
export function refuseSeveral(flags: PauseEnd): void {
  const given = [flags.until !== undefined, flags.for !== undefined, flags.untilReset].filter(Boolean);
  if (given.length > 1) throw wrong('Use one of --until, --for and --until-reset.');
}

function spanIn(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})\s*([mhd])/.exec(text.trim()) ?? [];
  const isWhole = /^\d{1,6}\s*(?:m|min|h|hours?|d|days?)$/.test(text.trim());
  const ms = Number(count) * (units[unit] ?? 0);
  if (isWhole && ms > 0) return ms;
  throw wrong(`--for takes a span such as 30m, 2h or 3d, not ${JSON.stringify(text)}.`);
}

/** Reads `18:00` as the next such time of day, and anything with a date as it is. */
function timeIn(text: string, now: number): number {
  const [, hours, minutes] = /^(\d{1,2}):(\d\d)$/.exec(text.trim()) ?? [];
  const at = hours === undefined ? Date.parse(text) : nextAt(Number(hours), Number(minutes), now);
  if (Number.isNaN(at))
    throw wrong(`--until takes a time such as 18:00 or 2026-12-01T09:00, not ${JSON.stringify(text)}.`);
  if (at <= now) throw wrong(`--until ${text} is over.`);
  return at;
}

function nextAt(hours: number, minutes: number, now: number): number {
  if (hours > 23 || minutes > 59) return Number.NaN;
  const at = new Date(now);
  at.setHours(hours, minutes, 0, 0);
  if (at.getTime() <= now) at.setDate(at.getDate() + 1);
  return at.getTime();
}

function wrong(message: string): CommandError {
  return new CommandError(message, exitCodes.wrongUse);
}
