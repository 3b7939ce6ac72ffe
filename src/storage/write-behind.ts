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
import { Database } from './database.js';
import { STORED_TABLES, type StoredTable } from './stored-table.js';
import { WriteBehindQueue } from './write-behind-queue.js';

/**
 * The one writer of the database. What is to be written waits in memory, bounded, and goes out in batches,
 * each in one transaction; nobody on the path of a request waits for it. What a locked or missing
 * database does not take is kept and tried again; what finds no room is dropped, counted and told.
 */
@Injectable()
export class WriteBehind implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(WriteBehind.name);
  private readonly queue: WriteBehindQueue;
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private lost = 0;
  /** Why the last attempt to write failed; null when it did not. */
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
    return this.queue.size;
  }

  /** How much had to be dropped since the start. */
  get droppedCount(): number {
    return this.lost;
  }

  /** Why nothing is written now; null when it is, as far as is known. */
  get trouble(): string | null {
    return this.database.trouble ?? this.failure;
  }

  /** Queues a row for the next batch. Never waits; a full queue drops its oldest row. */
  enqueue<Row extends object>(table: StoredTable<Row>, row: NoInfer<Row>): void {
    this.queue.add(table, row);
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
      const batch = this.queue.batch();
      try {
        await this.database.run(async (manager) => {
          for (const { table, rows } of batch) await table.write(manager, rows);
        });
      } catch (error) {
        const reason = describeError(error);
        if (this.failure === null) this.logger.warn('usage cannot be recorded now', { reason });
        this.failure = reason;
        return;
      }
      if (this.failure !== null) this.logger.log('usage is recorded again', { dropped: this.lost });
      this.failure = null;
      this.queue.remove(batch);
    }
  }

  private lose(kind: string): void {
    if (this.lost === 0)
      this.logger.error('the queue to the database is full, the oldest is dropped', { kind });
    this.lost += 1;
    this.dropped.inc({ kind });
  }
}
