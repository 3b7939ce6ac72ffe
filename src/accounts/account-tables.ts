import { limits } from '../config/limits.js';
import { removeRows, upsertRows } from '../storage/statements.js';
import type { StoredTable } from '../storage/stored-table.js';
import { AccountEvidenceRow } from './account-evidence.entity.js';
import { AccountSettingsRow } from './account-settings.entity.js';

/** Never dropped: each account has at most one waiting row. */
export const accountSettings: StoredTable<AccountSettingsRow> = {
  kind: 'settings',
  entities: [AccountSettingsRow],
  bound: Infinity,
  keyOf: (row) => row.accountId,
  async write(manager, rows) {
    await upsertRows(manager, AccountSettingsRow, rows, ['accountId']);
  },
};

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

/** In the order in which they are written. */
export const accountTables: readonly StoredTable[] = [accountSettings, accountEvidence];
