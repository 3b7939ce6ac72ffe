import {
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { limits } from '../limits.js';
import { metricNames } from '../metrics.js';
import { describeError } from '../pool-error.js';
import { AccountSettingsRow } from './account-settings.entity.js';
import { BoundedQueue } from './bounded-queue.js';
import { Database } from './database.js';
import { QuotaSample } from './quota-sample.entity.js';
import { addToRollups } from './rollup-sums.js';
import { SessionAffinity } from './session-affinity.entity.js';
import { UsageRecord } from './usage-record.entity.js';

/**
 * The one writer of the database. What is to be written waits in memory, bounded, and goes out in batches,
 * each in one transaction; nobody on the path of a request waits for it. What a locked or missing
 * database does not take is kept and tried again; what finds no room is dropped, counted and told.
 */
@Injectable()
export class UsageWriter implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(UsageWriter.name);
  private readonly records = new BoundedQueue<UsageRecord>(limits.unwrittenRecords, () =>
    this.lose('record'),
  );
  private readonly samples = new BoundedQueue<QuotaSample>(limits.unwrittenSamples, () =>
    this.lose('sample'),
  );
  private readonly sessions = new Map<string, SessionAffinity>();
  private readonly settings = new Map<string, AccountSettingsRow>();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private lost = 0;
  /** Why the last attempt to write failed; null when it did not. */
  private failure: string | null = null;

  constructor(
    private readonly database: Database,
    @InjectMetric(metricNames.dropped) private readonly dropped: Counter<'kind'>,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      if (this.pending > 0) void this.flush();
    }, limits.writePauseMs);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Writes what is left, within a bound, and closes the database. */
  async onApplicationShutdown(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limits.writeAtStopMs);
    let isLate = false;
    void late.promise.then(() => (isLate = true));
    this.database.retryNow();
    await Promise.race([this.flushUntil(() => isLate), late.promise]);
    clearTimeout(timer);
    if (this.pending > 0) this.logger.error('not everything could be recorded', { lost: this.pending });
    await Promise.race([this.database.close(), late.promise]);
  }

  /** How much waits to be written. */
  get pending(): number {
    return this.records.size + this.samples.size + this.sessions.size + this.settings.size;
  }

  /** How much had to be dropped since the start. */
  get droppedCount(): number {
    return this.lost;
  }

  /** Why nothing is written now; null when it is, as far as is known. */
  get trouble(): string | null {
    return this.database.trouble ?? this.failure;
  }

  addRecord(record: UsageRecord): void {
    this.records.add(record);
  }

  addSample(sample: QuotaSample): void {
    this.samples.add(sample);
  }

  addSession(session: SessionAffinity): void {
    this.sessions.delete(session.session);
    this.sessions.set(session.session, session);
    if (this.sessions.size <= limits.unwrittenSessions) return;
    const oldest = this.sessions.keys().next();
    if (oldest.done === true) return;
    this.sessions.delete(oldest.value);
    this.lose('session');
  }

  addSettings(settings: AccountSettingsRow): void {
    this.settings.set(settings.accountId, settings);
  }

  /** Writes all that waits. Never rejects: what could not be written waits on. */
  async flush(): Promise<void> {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = null;
    });
    await this.writing;
  }

  /** Again and again while there is time: a database that is locked now may not be so in a second. */
  private async flushUntil(isLate: () => boolean): Promise<void> {
    await this.flush();
    while (this.pending > 0 && this.database.isOpen && !isLate()) await this.flush();
  }

  private async writeAll(): Promise<void> {
    while (this.pending > 0) {
      const records = this.records.first(limits.writeBatch);
      const samples = this.samples.first(limits.writeBatch);
      const sessions = [...this.sessions.values()].slice(0, limits.writeBatch);
      const settings = [...this.settings.values()];
      try {
        await this.database.run(async (manager) => {
          await write(manager, records, samples, sessions, settings);
        });
      } catch (error) {
        const reason = describeError(error);
        if (this.failure === null) this.logger.warn('usage cannot be recorded now', { reason });
        this.failure = reason;
        return;
      }
      if (this.failure !== null) this.logger.log('usage is recorded again', { dropped: this.lost });
      this.failure = null;
      this.records.remove(records);
      this.samples.remove(samples);
      for (const it of sessions) if (this.sessions.get(it.session) === it) this.sessions.delete(it.session);
      for (const it of settings)
        if (this.settings.get(it.accountId) === it) this.settings.delete(it.accountId);
    }
  }

  private lose(kind: 'record' | 'sample' | 'session'): void {
    if (this.lost === 0)
      this.logger.error('the queue to the database is full, the oldest is dropped', { kind });
    this.lost += 1;
    this.dropped.inc({ kind });
  }
}

async function write(
  manager: EntityManager,
  records: readonly UsageRecord[],
  samples: readonly QuotaSample[],
  sessions: readonly SessionAffinity[],
  settings: readonly AccountSettingsRow[],
): Promise<void> {
  if (records.length > 0) {
    await insertInPieces(manager, UsageRecord, records);
    await addToRollups(manager, records);
  }
  if (samples.length > 0)
    await upsertInPieces(manager, QuotaSample, samples, ['accountId', 'durationSeconds', 'seenAt']);
  if (sessions.length > 0) await upsertInPieces(manager, SessionAffinity, sessions, ['session']);
  if (settings.length > 0) await upsertInPieces(manager, AccountSettingsRow, settings, ['accountId']);
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
