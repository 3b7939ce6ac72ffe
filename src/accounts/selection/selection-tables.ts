import { In, LessThan } from 'typeorm';
import { limits } from '../../config/limits.js';
import { removeRows, upsertRows } from '../../storage/statements.js';
import type { StoredTable } from '../../storage/stored-table.js';
import { PinnedValue } from './pinned-value.entity.js';
import { SessionAffinityRow } from './session-affinity.entity.js';

/** In place of an account: the row is removed. It waits in the same queue, so that the order of changes holds. */
const FORGOTTEN = '';

/** Returns the row that removes a session. */
export function forgottenSession(session: string): SessionAffinityRow {
  const nothing = { accountId: FORGOTTEN, formerId: null, wasServedElsewhere: false, usedAt: 0 };
  return Object.assign(new SessionAffinityRow(), { session, ...nothing });
}

export const sessionAffinities: StoredTable<SessionAffinityRow> = {
  kind: 'session',
  entities: [SessionAffinityRow],
  bound: limits.queuedSessions,
  keyOf: (row) => row.session,
  async write(manager, rows) {
    const forgotten = rows.filter((it) => it.accountId === FORGOTTEN).map((it) => it.session);
    if (forgotten.length > 0) await manager.delete(SessionAffinityRow, { session: In(forgotten) });
    const kept = rows.filter((it) => it.accountId !== FORGOTTEN);
    await upsertRows(manager, SessionAffinityRow, kept, ['session']);
  },
  async removeOutdated(manager, now) {
    const idle = await removeRows(manager, SessionAffinityRow, {
      where: { usedAt: LessThan(now - limits.affinityIdleMs) },
      order: { usedAt: 'ASC' },
    });
    // Only as many as fit into memory are read at startup.
    const surplus = await removeRows(manager, SessionAffinityRow, {
      order: { usedAt: 'DESC' },
      skip: limits.affinitySessions,
    });
    return idle + surplus;
  },
};

/** Only the newest `limits.pins` values of each kind are read at startup; older ones are outdated. */
export const pinnedValues: StoredTable<PinnedValue> = {
  kind: 'owned',
  entities: [PinnedValue],
  bound: limits.queuedPins,
  async write(manager, rows) {
    await upsertRows(manager, PinnedValue, rows, ['kind', 'hash']);
  },
  async removeOutdated(manager) {
    let removed = 0;
    for (const kind of ['response', 'file'] as const) {
      removed += await removeRows(manager, PinnedValue, {
        where: { kind },
        order: { seenAt: 'DESC' },
        skip: limits.pins,
      });
    }
    return removed;
  },
};

/** In the order in which they are written. */
export const selectionTables: readonly StoredTable[] = [sessionAffinities, pinnedValues];
