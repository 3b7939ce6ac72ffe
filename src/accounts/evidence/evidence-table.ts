import { limits } from '../../config/limits.js';
import { removeRows, upsertRows } from '../../storage/statements.js';
import type { StoredTable } from '../../storage/stored-table.js';
import { AccountEvidenceRow } from './account-evidence.entity.js';

/** Keyed by account, so that a storm of refusals is one row. */
export const accountEvidence: StoredTable<AccountEvidenceRow> = {
  kind: 'evidence',
  entities: [AccountEvidenceRow],
  bound: limits.queuedEvidence,
  keyOf: (row) => row.accountId,
  async write(manager, rows) {
    await upsertRows(manager, AccountEvidenceRow, rows, ['accountId']);
  },
  async removeOutdated(manager) {
    return await removeRows(manager, AccountEvidenceRow, {
      order: { updatedAt: 'DESC' },
      skip: limits.accountsWithTotals,
    });
  },
};
