import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { limits } from '../config/limits.js';
import { metricNames } from '../observability/metrics.js';
import { describeError } from '../runtime/pool-error.js';
import { isRowFault } from './database-driver.js';
import { Database } from './database.js';
import { STORED_TABLES, type StoredTable } from './stored-table.js';
import { halvesOf, type WriteBatch, WriteBehindQueue } from './write-behind-queue.js';

/**
 * The only writer of the database. Rows wait in bounded queues in memory and are written in batches, each in one
 * transaction. Requests never wait for it. If the database is locked or missing, rows are kept and tried again.
 * Rows that exceed a bound are dropped, counted and logged. So is a row that the database refuses: a batch that fails
 * because of its rows is halved until that row is found, and all others are written.
 */
@Injectable()
export class WriteBehind implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(WriteBehind.name);
  private readonly queue: WriteBehindQueue;
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private lost = 0;
  private hasOverflown = false;
  /** Why the last write failed; null if it succeeded. */
  private failure: string | null = null;

  constructor(
    private readonly database: Database,
    @InjectMetric(metricNames.dropped) private readonly dropped: Counter<'kind'>,
    @Inject(STORED_TABLES) tables: readonly StoredTable[],
  ) {
    this.queue = new WriteBehindQueue(tables, (kind) => this.lose(kind));
  }

  onModuleInit(): void {
    this.timer = setInterval(() => {
      if (this.pending > 0) void this.flush();
    }, limits.writePauseMs);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Writes the remaining rows within a time limit, and closes the database. */
  async onApplicationShutdown(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limits.writeAtStopMs);
    let isLate = false;
    void late.promise.then(() => (isLate = true));
    this.database.retryNow();
    await Promise.race([this.flushUntil(() => isLate), late.promise]);
    clearTimeout(timer);
    if (this.pending > 0)
      this.logger.error('some rows could not be written before shutdown', { lost: this.pending });
    await Promise.race([this.database.close(), late.promise]);
  }

  /** Number of rows that wait to be written. */
  get pending(): number {
    return this.queue.size;
  }

  /** Number of rows dropped since startup. */
  get droppedCount(): number {
    return this.lost;
  }

  /** The reason why rows are not written now; null if none is known. */
  get trouble(): string | null {
    return this.database.trouble ?? this.failure;
  }

  /** Queues a row for the next batch. Never waits; a full queue drops its oldest row. */
  enqueue<Row extends object>(table: StoredTable<Row>, row: NoInfer<Row>): void {
    this.queue.add(table, row);
  }

  /**
   * Writes all waiting rows now, for a person who waits for it. Returns why some of them are not on disk; null if all
   * are. Waits `limits.writeAtOnceMs` at most; the rows are written later then.
   */
  async writeNow(): Promise<string | null> {
    const { lost } = this;
    this.database.retryNow();
    const late = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => late.resolve('late'), limits.writeAtOnceMs);
    const end = await Promise.race([this.flush(), late.promise]);
    clearTimeout(timer);
    if (end === 'late') return this.trouble ?? 'the database has not answered yet';
    return this.trouble ?? (this.lost > lost ? 'the database has refused a row' : null);
  }

  /** Writes all waiting rows. Never rejects: rows that could not be written keep waiting. */
  async flush(): Promise<void> {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = null;
    });
    await this.writing;
  }

  /** Flushes until the time is up: a locked database may be free a second later. */
  private async flushUntil(isLate: () => boolean): Promise<void> {
    await this.flush();
    while (this.pending > 0 && this.database.isOpen && !isLate()) await this.flush();
  }

  private async writeAll(): Promise<void> {
    while (this.pending > 0) {
      try {
        await this.write(this.queue.batch());
      } catch (error) {
        const reason = describeError(error);
        if (this.failure === null)
          this.logger.warn('recording failed; rows are kept and will be retried', { reason });
        this.failure = reason;
        return;
      }
      if (this.failure !== null) this.logger.log('recording has recovered', { dropped: this.lost });
      this.failure = null;
    }
  }

  /** Writes a batch and takes it from the queue. Throws if it is not the rows that keep it from being written. */
  private async write(batch: WriteBatch): Promise<void> {
    try {
      await this.database.run(async (manager) => {
        for (const { table, rows } of batch) await table.write(manager, rows);
      });
    } catch (error) {
      if (!isRowFault(error)) throw error;
      const halves = halvesOf(batch);
      if (halves === null) this.refuse(batch, error);
      else for (const half of halves) await this.write(half);
    }
    this.queue.remove(batch);
  }

  private refuse(batch: WriteBatch, error: unknown): void {
    for (const { table } of batch) {
      this.logger.error('the database refuses a row; it is dropped', {
        kind: table.kind,
        reason: describeError(error),
      });
      this.lost += 1;
      this.dropped.inc({ kind: table.kind });
    }
  }

  private lose(kind: string): void {
    if (!this.hasOverflown)
      this.logger.error('the write-behind queue is full; dropping the oldest rows', { kind });
    this.hasOverflown = true;
    this.lost += 1;
    this.dropped.inc({ kind });
  }
}
