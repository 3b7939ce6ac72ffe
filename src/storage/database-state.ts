import type { DataSource } from 'typeorm';
import { limits } from '../config/limits.js';
import { backoffMs } from '../runtime/backoff.js';

export type DatabaseState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly source: DataSource; readonly inode: bigint }
  /** The file must be set aside before it is opened again. */
  | { readonly kind: 'damaged'; readonly error: unknown }
  | { readonly kind: 'waiting'; readonly until: number; readonly failures: number; readonly reason: string }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Returns the reason why writing is impossible in this state; null if none is known. */
export function troubleIn(state: DatabaseState): string | null {
  return state.kind === 'waiting' || state.kind === 'unusable' ? state.reason : null;
}

/** Returns the state after a failure to open the file. The wait before the next try doubles. */
export function waitingAfter(before: DatabaseState, reason: string, now: number) {
  const failures = before.kind === 'waiting' ? before.failures + 1 : 1;
  const pause = backoffMs(failures, {
    firstMs: limits.databaseRetryFirstMs,
    maxMs: limits.databaseRetryMaxMs,
  });
  return { kind: 'waiting', until: now + pause, failures, reason } as const satisfies DatabaseState;
}
