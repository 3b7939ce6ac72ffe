import { LessThan } from 'typeorm';
import { limits } from '../../config/limits.js';
import { removeRows, upsertRows } from '../../storage/statements.js';
import type { StoredTable } from '../../storage/stored-table.js';
import { PinnedValue } from './pinned-value.entity.js';
import { SessionAffinityRow } from './session-affinity.entity.js';

export const sessionAffinities: StoredTable<SessionAffinityRow> = {
  kind: 'session',
  entities: [SessionAffinityRow],
  bound: limits.queuedSessions,
  keyOf: (row) => row.session,
  async write(manager, rows) {
    await upsertRows(manager, SessionAffinityRow, rows, ['session']);
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
