import { isRecord } from '../../runtime/is-record.js';

interface Named {
  readonly name: string;
}

interface Identified {
  readonly id: string;
}

/** All that the page shows live, as at one moment. */
export interface LiveView {
  readonly summary: object;
  readonly accounts: readonly Named[];
  /** Newest first. */
  readonly requests: readonly (Identified & { readonly endedAt: number | null })[];
  readonly logins: readonly Identified[];
}

/** The parts of a view that differ from an earlier one: changed entities whole, and the names of accounts that are gone. */
export type LiveDelta = Partial<LiveView> & { readonly accountsGone?: readonly string[] };

/** Returns the changes from one view to a later one; null if there are none but those of `timeFields`. */
export function deltaOf(before: LiveView, now: LiveView): LiveDelta | null {
  const accounts = changedIn(before.accounts, now.accounts, (it) => it.name);
  const requests = changedIn(before.requests, now.requests, (it) => it.id);
  const logins = changedIn(before.logins, now.logins, (it) => it.id);
  const names = new Set(now.accounts.map((it) => it.name));
  const accountsGone = before.accounts.map((it) => it.name).filter((it) => !names.has(it));
  const delta = {
    ...(isSameView(before.summary, now.summary) ? {} : { summary: now.summary }),
    ...(accounts.length === 0 ? {} : { accounts }),
    ...(accountsGone.length === 0 ? {} : { accountsGone }),
    ...(requests.length === 0 ? {} : { requests }),
    ...(logins.length === 0 ? {} : { logins }),
  };
  return Object.keys(delta).length === 0 ? null : delta;
}

function changedIn<T>(before: readonly T[], now: readonly T[], keyOf: (it: T) => string): T[] {
  const known = new Map(before.map((it) => [keyOf(it), it]));
  return now.filter((it) => !isSameView(known.get(keyOf(it)), it));
}

/** Fields that change with the time alone. Readers derive them by themselves, so that an idle pool sends nothing. */
const timeFields: ReadonlySet<string> = new Set(['now', 'sentence']);

/** Compares two values as JSON would show them, without `timeFields` at any depth. */
export function isSameView(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((it, index) => isSameView(it, other[index]))
    );
  if (!isRecord(one) || !isRecord(other)) return false;
  for (const key in one) if (!timeFields.has(key) && !isSameView(one[key], other[key])) return false;
  for (const key in other)
    if (one[key] === undefined && other[key] !== undefined && !timeFields.has(key)) return false;
  return true;
}
