import { limits } from '../../config/limits.js';
import { removeRows, upsertRows } from '../../storage/statements.js';
import type { StoredTable } from '../../storage/stored-table.js';
import { ProjectRow } from './project.entity.js';

/** The names of projects: those that were used last. */
export const projectNames: StoredTable<ProjectRow> = {
  kind: 'project',
  entities: [ProjectRow],
  bound: limits.queuedProjects,
  keyOf: (row) => row.hash,
  async write(manager, rows) {
    await upsertRows(manager, ProjectRow, rows, ['hash']);
  },
  async removeOutdated(manager) {
    return await removeRows(manager, ProjectRow, { order: { seenAt: 'DESC' }, skip: limits.projects });
  },
};
