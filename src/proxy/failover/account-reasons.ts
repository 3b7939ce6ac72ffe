import type { ConsideredCandidate } from '../../accounts/selection/account-selector.js';
import type { UnavailableReason } from '../../accounts/unavailable.js';
import { unavailableSentence } from '../../wording/decision-words.js';

/** The remedies that fit into the sentence. */
const remedies: Partial<Record<UnavailableReason, string>> = {
  'needs-login': ' (put a new auth.json into the pool folder)',
};

/** The last moment that a `Date` can hold, epoch ms. */
const LATEST = 8.64e15;

/** Accounts named in one message; the others are counted. */
const MOST = 10;

/** Returns each account's reason and when it ends, in one sentence without the full stop; empty if none is out. */
export function accountReasons(candidates: readonly ConsideredCandidate[], now: number): string {
  const out = candidates.flatMap(({ account, unavailable }) => {
    if (unavailable === null) return [];
    const { reason, until } = unavailable;
    const end = until === null ? '' : ` (${timeUntil(until, now)})`;
    return [`${unavailableSentence(account.name, reason)}${remedies[reason] ?? ''}${end}`];
  });
  const more = out.length > MOST ? [`and ${out.length - MOST} more`] : [];
  return [...out.slice(0, MOST), ...more].join('; ');
}

/** The time left, and the moment for waits that are not short: `back in 40 s`, `back in 38 min, at 14:20 UTC`. */
export function timeUntil(until: number, now: number): string {
  const seconds = Math.max(1, Math.ceil((until - now) / 1_000));
  if (seconds < 120) return `back in ${seconds} s`;
  const at = new Date(Math.min(until, LATEST)).toISOString();
  const isToday = at.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  const moment = `at ${at.slice(11, 16)} UTC${isToday ? '' : ` on ${at.slice(0, 10)}`}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `back in ${minutes} min, ${moment}`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `back in ${hours} h, ${moment}` : `back in ${Math.round(hours / 24)} days, ${moment}`;
}
