import { upsertRows } from '../storage/statements.js';
import type { StoredTable } from '../storage/stored-table.js';
import { accountEvidence } from './evidence/evidence-table.js';
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

/** In the order in which they are written. */
export const accountTables: readonly StoredTable[] = [accountSettings, accountEvidence];
