import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AccountSettingsRow } from './account-settings.entity.js';
import { accountSettings } from './account-tables.js';
import { Database } from '../storage/database.js';
import { WriteBehind } from '../storage/write-behind.js';
import { type AccountSettings, defaultSettings } from './account.js';

/** The operator's settings of accounts, by identity: in memory, and written behind. */
@Injectable()
export class SettingsStore implements OnModuleInit {
  private readonly known = new Map<string, AccountSettings>();

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  async onModuleInit(): Promise<void> {
    const otherwise = 'account settings start at their defaults: the database cannot be read';
    await this.database.restore(otherwise, async (manager) => {
      const rows = await manager.find(AccountSettingsRow);
      for (const { accountId, credits, ...settings } of rows)
        this.known.set(accountId, { ...settings, credits: credits === 'never' ? 'never' : 'last' });
    });
  }

  of(accountId: string): AccountSettings {
    return this.known.get(accountId) ?? defaultSettings;
  }

  save(accountId: string, settings: AccountSettings): void {
    this.known.set(accountId, settings);
    const row = Object.assign(new AccountSettingsRow(), { accountId, ...settings });
    this.writer.enqueue(accountSettings, row);
  }
}
