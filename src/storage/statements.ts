import type { EntityManager } from 'typeorm';
import { AccountEvidenceRow } from '../accounts/account-evidence.entity.js';
import { AccountSettingsRow } from '../accounts/account-settings.entity.js';
import { PinnedValue } from '../accounts/selection/pinned-value.entity.js';
import { QuotaSample } from '../usage/quota-sample.entity.js';
import { addToRollups } from '../usage/rollup-sums.js';
import { SessionAffinityRow } from '../accounts/selection/session-affinity.entity.js';
import { UsageRecord } from '../usage/usage-record.entity.js';

/** What is written together: in one transaction, all of it or nothing. */
export interface WriteBatch {
  readonly records: readonly UsageRecord[];
  readonly samples: readonly QuotaSample[];
  readonly sessions: readonly SessionAffinityRow[];
  readonly pinned: readonly PinnedValue[];
  readonly settings: readonly AccountSettingsRow[];
  readonly evidence: readonly AccountEvidenceRow[];
}

/** The statements of a batch, within the transaction of `manager`. */
export async function write(manager: EntityManager, batch: WriteBatch): Promise<void> {
  const { records, samples, sessions, pinned, settings, evidence } = batch;
  if (records.length > 0) {
    await insertInPieces(manager, UsageRecord, records);
    await addToRollups(manager, records);
  }
  if (samples.length > 0)
    await upsertInPieces(manager, QuotaSample, samples, ['accountId', 'durationSeconds', 'seenAt']);
  if (sessions.length > 0) await upsertInPieces(manager, SessionAffinityRow, sessions, ['session']);
  if (pinned.length > 0) await upsertInPieces(manager, PinnedValue, pinned, ['kind', 'hash']);
  if (settings.length > 0) await upsertInPieces(manager, AccountSettingsRow, settings, ['accountId']);
  if (evidence.length > 0) await upsertInPieces(manager, AccountEvidenceRow, evidence, ['accountId']);
}

/** Rows per statement: a statement takes only so many parameters. */
const ROWS = 50;

async function insertInPieces(
  manager: EntityManager,
  entity: typeof UsageRecord,
  rows: readonly UsageRecord[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS) await manager.insert(entity, rows.slice(at, at + ROWS));
}

async function upsertInPieces<T extends object>(
  manager: EntityManager,
  entity: new () => T,
  rows: readonly T[],
  keys: string[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS) {
    const piece = rows.slice(at, at + ROWS);
    await manager
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(piece)
      .orUpdate(columnsOf(manager, entity, keys), columnNames(manager, entity, keys))
      .execute();
  }
}

function columnsOf(manager: EntityManager, entity: new () => object, except: readonly string[]): string[] {
  const { columns } = manager.connection.getMetadata(entity);
  return columns.filter((it) => !except.includes(it.propertyName)).map((it) => it.databaseName);
}

function columnNames(
  manager: EntityManager,
  entity: new () => object,
  properties: readonly string[],
): string[] {
  const { columns } = manager.connection.getMetadata(entity);
  return columns.filter((it) => properties.includes(it.propertyName)).map((it) => it.databaseName);
}
