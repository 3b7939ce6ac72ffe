import { limits } from '../../src/config/limits.js';

/** A table that may still fill to its bound (ARCHITECTURE.md, law 12). */
export interface Fillable {
  /** How its name begins. */
  readonly name: string;
  readonly most: number;
  /** Room of an entry in the heap, bytes. */
  readonly bytesPerEntry: number;
}

const fillable: readonly Fillable[] = [
  // New sessions begin all the time.
  { name: 'SessionAffinity.entries', most: limits.affinitySessions, bytesPerEntry: 500 },
  // The id of each response on a WebSocket is pinned.
  { name: 'PinTable.pins.response', most: limits.pins, bytesPerEntry: 300 },
  // Each record lists all accounts as candidates, and its attempts.
  { name: 'RequestLog.requests', most: limits.requestLogEntries, bytesPerEntry: 3_000 },
  { name: 'RequestRecord', most: limits.requestLogEntries * 20, bytesPerEntry: 0 },
  { name: 'Logins.entries', most: limits.logins, bytesPerEntry: 1_000 },
  { name: 'RecentErrors.errors', most: limits.recentErrors, bytesPerEntry: 1_000 },
];

/** The table to which a collection or a class belongs; undefined: it may not grow. */
export const fillableOf = (name: string): Fillable | undefined =>
  fillable.find((it) => name.startsWith(it.name));
