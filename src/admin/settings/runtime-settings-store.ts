import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { RuntimeSettings } from '../../config/runtime-settings.js';
import { Database } from '../../storage/database.js';
import { upsertRows } from '../../storage/statements.js';
import type { StoredTable } from '../../storage/stored-table.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { RuntimeSettingRow } from './runtime-setting.entity.js';
import { changesIn, settingFields, writtenChanges } from './settings-patch.js';

/** Never dropped: each setting has at most one waiting row. */
const runtimeSettings: StoredTable<RuntimeSettingRow> = {
  kind: 'runtime-setting',
  entities: [RuntimeSettingRow],
  bound: Infinity,
  keyOf: (row) => row.name,
  async write(manager, rows) {
    await upsertRows(manager, RuntimeSettingRow, rows, ['name']);
  },
};

export const settingsTables: readonly StoredTable[] = [runtimeSettings];

/** Keeps what the operator has changed across restarts: restored at startup, written behind. */
@Injectable()
export class RuntimeSettingsStore implements OnModuleInit {
  private readonly logger = new Logger(RuntimeSettingsStore.name);

  constructor(
    private readonly settings: RuntimeSettings,
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  async onModuleInit(): Promise<void> {
    const otherwise = 'settings start as configured: the database cannot be read';
    await this.database.restore(otherwise, async (manager) => {
      for (const { name, value } of await manager.find(RuntimeSettingRow)) this.restore(name, value);
    });
  }

  /** Stores all settings that may change; returns why they are not on disk, null if they are. */
  async save(): Promise<string | null> {
    const written = writtenChanges(this.settings.changed);
    for (const name of settingFields) {
      const value = name in written ? JSON.stringify(written[name]) : null;
      this.writer.enqueue(runtimeSettings, Object.assign(new RuntimeSettingRow(), { name, value }));
    }
    return await this.writer.writeNow();
  }

  private restore(name: string, value: string | null): void {
    if (value === null) return;
    try {
      this.settings.change(changesIn({ [name]: JSON.parse(value) }, this.settings.changed));
    } catch {
      this.logger.warn('a stored setting is not known to this version; it does not count', { name });
    }
  }
}
