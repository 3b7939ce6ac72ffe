// CPU time that the rows of a turn cost: `node bench/rows.mjs [sqlite3|node]`, after `npm run build`. Writes the rows of
// 10,000 turns (a record, its sums, a session, a pin) through the write-behind queue, in batches of several sizes.
import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { accountTables } from '../dist/accounts/account-tables.js';
import {
  pinnedValues,
  selectionTables,
  sessionAffinities,
} from '../dist/accounts/selection/selection-tables.js';
import { loadConfig } from '../dist/config/app.config.js';
import { Database } from '../dist/storage/database.js';
import { WriteBehind } from '../dist/storage/write-behind.js';
import { UsageRecord } from '../dist/usage/sums/usage-record.entity.js';
import { usageRecords, usageTables } from '../dist/usage/usage-tables.js';

const TURNS = 10_000;
Logger.overrideLogger(false);

function rowsOf(index) {
  const accountId = `account-${index % 3}:user`;
  const at = 1_790_000_000_000 + index * 1_000;
  const facts = { id: `turn-${index}`, at, accountId, session: `session-${index % 500}`, model: 'gpt-5.5' };
  const rest = {
    effort: 'medium',
    status: 200,
    outcome: 'complete',
    attempts: 1,
    firstByteMs: 3,
    totalMs: 900,
  };
  const counts = { bytes: 90_000, input: 1_000, cached: 900, output: 50, reasoning: 20 };
  return [
    [usageRecords, Object.assign(new UsageRecord(), facts, rest, counts)],
    [
      sessionAffinities,
      { session: facts.session, accountId, formerId: null, wasServedElsewhere: false, usedAt: at },
    ],
    [pinnedValues, { kind: 'response', hash: `hash-${index}`, accountId, seenAt: at }],
  ];
}

for (const driver of process.argv[2] === undefined ? ['sqlite3', 'node'] : [process.argv[2]]) {
  for (const turnsInBatch of [1, 10, 500]) {
    const folder = mkdtempSync(join(tmpdir(), 'codex-pool-rows-'));
    const config = loadConfig({ PROXY_DB_PATH: join(folder, 'proxy.db'), PROXY_SQLITE_DRIVER: driver });
    const tables = [...usageTables, ...selectionTables, ...accountTables];
    const database = new Database(config, { now: () => Date.now() }, tables);
    const writer = new WriteBehind(database, { inc: () => undefined }, tables);
    await database.read(async () => undefined);
    const turns = turnsInBatch === 1 ? TURNS / 10 : TURNS;
    const before = process.cpuUsage();
    const mainBefore = process.threadCpuUsage?.();
    for (let turn = 0; turn < turns; turn += turnsInBatch) {
      for (let index = turn; index < turn + turnsInBatch; index += 1)
        for (const [table, row] of rowsOf(index)) writer.enqueue(table, row);
      await writer.flush();
    }
    const perTurn = ({ user, system }) => ((user + system) / turns).toFixed(0).padStart(6);
    const main =
      mainBefore === undefined ? '' : `, main thread ${perTurn(process.threadCpuUsage(mainBefore))} µs`;
    process.stdout.write(
      `${driver}, ${turnsInBatch} in a batch: ${perTurn(process.cpuUsage(before))} µs of CPU per turn${main}\n`,
    );
    if (writer.pending > 0 || writer.droppedCount > 0) throw new Error('some rows were not written');
    await database.close();
    rmSync(folder, { recursive: true });
  }
}
