import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger as NestLogger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountSettingsRow } from '../accounts/account-settings.entity.js';
import { defaultSettings } from '../accounts/account.js';
import { accountTables } from '../accounts/account-tables.js';
import { loadConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { UsageDay } from '../usage/sums/usage-day.entity.js';
import type { UsageRecord } from '../usage/sums/usage-record.entity.js';
import { noRecorded } from '../usage/sums/rollup-sums.js';
import { usageRecords, usageTables } from '../usage/usage-tables.js';
import { recordRow } from '../../test/support/disk/usage-rows.js';
import { databaseDrivers, type TestedDriver } from '../../test/support/program/database-drivers.js';
import { Database } from './database.js';
import { addRows, upsertRows } from './statements.js';

beforeAll(() => NestLogger.overrideLogger(false));
afterAll(() => NestLogger.overrideLogger(['log', 'warn', 'error']));

/** Runs work on a new database. */
async function within(driver: TestedDriver, work: (manager: EntityManager) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-pool-statements-'));
  const config = loadConfig({ PROXY_DB_PATH: join(folder, 'proxy.db'), PROXY_SQLITE_DRIVER: driver });
  const database = new Database(config, { now: () => Date.now() }, [...usageTables, ...accountTables]);
  try {
    await database.run(work);
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
}

/** The texts of the statements that work sends. */
async function statementsOf(manager: EntityManager, work: () => Promise<void>): Promise<string[]> {
  const texts: string[] = [];
  const { logger } = manager.connection;
  Reflect.set(manager.connection, 'logger', {
    ...logger,
    logQuery: (sql: string) => void texts.push(sql),
  });
  await work();
  return texts;
}

const turns = (prefix: string, count: number): UsageRecord[] =>
  Array.from({ length: count }, (_, index) =>
    Object.assign(recordRow(`${prefix}-${index}`, 1_790_000_000_000 + index), { model: `m-${index}` }),
  );
const day = (accountId: string, input: number): UsageDay =>
  Object.assign(new UsageDay(), {
    day: 0,
    accountId,
    ...noRecorded(),
    turns: 1,
    input,
    output: 2,
    reasoning: 3,
  });
const row = (fields: Partial<AccountSettingsRow>): AccountSettingsRow =>
  Object.assign(new AccountSettingsRow(), { ...defaultSettings, accountId: 'a', ...fields });

describe.each(databaseDrivers)('statements for rows (%s)', (driver) => {
  it('are as few for a full batch as for one row, with the same texts', async () => {
    await within(driver, async (manager) => {
      const one = await statementsOf(manager, async () => await usageRecords.write(manager, turns('one', 1)));
      const full = await statementsOf(
        manager,
        async () => await usageRecords.write(manager, turns('full', limits.writeBatch)),
      );
      expect(one).toHaveLength(5); // the record, and the sums of its hour and of its day, whole and by split
      expect(full).toEqual(one);
      const days = await manager.find(UsageDay);
      expect(days).toMatchObject([{ turns: limits.writeBatch + 1 }]);
    });
  });

  it('add to stored sums, exactly, also large ones', async () => {
    await within(driver, async (manager) => {
      for (const input of [1, 3_000_000_000, 2 ** 52])
        await addRows(manager, UsageDay, [day('a', input), day(`b-${input}`, input)], ['day', 'accountId']);
      const rows = await manager.find(UsageDay, { order: { accountId: 'ASC' } });
      expect(rows).toHaveLength(4);
      expect(rows[0]).toEqual(
        Object.assign(day('a', 3_000_000_001 + 2 ** 52), { turns: 3, output: 6, reasoning: 9 }),
      );
    });
  });

  it.each([
    'plain',
    'it\'s "quoted" \\ and 😀',
    'a\u0000b',
    '[1,{"a":null}]',
    '',
    'line\nbreak',
    'null',
    '12',
  ])('keep values as they are: %j', async (label) => {
    await within(driver, async (manager) => {
      const written = [
        row({ label, isPaused: true, reserveRatio: 0.1, maxInFlight: 3 }),
        row({ label, accountId: 'b', reserveRatio: 1, priority: -5, maxInFlight: null }),
      ];
      for (let times = 0; times < 2; times += 1)
        await upsertRows(manager, AccountSettingsRow, written, ['accountId']);
      expect(await manager.find(AccountSettingsRow, { order: { accountId: 'ASC' } })).toEqual(written);
      const types = await manager.query('SELECT DISTINCT typeof(label) AS type FROM account_settings');
      expect(types).toEqual([{ type: 'text' }]);
    });
  });
});
