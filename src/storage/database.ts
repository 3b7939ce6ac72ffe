import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode, PoolError } from '../runtime/pool-error.js';
import { chooseDriver, type DatabaseDriver, isLocked, isRowFault, kindOfFault } from './database-driver.js';
import { inodeOf, openFile, setAside } from './database-file.js';
import { type DatabaseState, troubleIn, waitingAfter } from './database-state.js';
import { MigrationNotice } from './migration-notice.js';
import { type EntityClass, STORED_TABLES, type StoredTable } from './stored-table.js';

/** The database is unavailable now. The caller keeps the data that it wanted to write. */
export class DatabaseUnavailableError extends PoolError {
  readonly code = 'database_unavailable';
}

/**
 * The database. Runs one transaction at a time in the whole program. Opens on first use, and again after a
 * fault. Requests never wait for it.
 */
@Injectable()
export class Database {
  private readonly logger = new Logger(Database.name);
  /** Chosen once, at startup. */
  readonly driver: DatabaseDriver;
  private readonly entities: readonly EntityClass[];
  private state: DatabaseState = { kind: 'closed' };
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private readonly startId = randomUUID().slice(0, 8);
  private changes = 0;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(STORED_TABLES) tables: readonly StoredTable[],
  ) {
    this.entities = tables.flatMap((it) => it.entities);
    // Read when the driver is loaded: a rewrite of the file needs its size there, and `/tmp` may be small, or memory.
    process.env['SQLITE_TMPDIR'] ??= dirname(config.dbPath);
    this.driver = chooseDriver(config.sqliteDriver);
    const { name, fallbackReason } = this.driver;
    if (fallbackReason === null) this.logger.log('database driver', { driver: name });
    else
      this.logger.log(
        "database driver: Node's built-in SQLite, because the package sqlite3 could not be loaded",
        {
          driver: name,
          reason: fallbackReason,
        },
      );
  }

  /** The reason why writing is impossible now; null if none is known. */
  get trouble(): string | null {
    return troubleIn(this.state);
  }

  get isOpen(): boolean {
    return this.state.kind === 'open';
  }

  /** Changes whenever stored rows may have changed, and with each start of the program. */
  get version(): string {
    return `${this.startId}-${this.changes}`;
  }

  /** Ends the wait after a failure to open: the next transaction tries at once. */
  retryNow(): void {
    if (this.state.kind === 'waiting') this.state = { ...this.state, until: 0 };
  }

  /**
   * Runs work in one transaction, after all transactions requested earlier.
   * @throws DatabaseUnavailableError, or the error of the work
   */
  async run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const result = await this.read(work);
    this.changes += 1;
    return result;
  }

  /** As `run`, for work that changes nothing. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return await this.inTurn((source) => source.transaction(work));
  }

  /** As `run`, for statements about the file, which fail in a transaction or take one each. They change no rows. */
  async maintain<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return await this.inTurn(async (source) => {
      const runner = source.createQueryRunner();
      try {
        return await work(runner);
      } finally {
        await runner.release();
      }
    });
  }

  private inTurn<T>(work: (source: DataSource) => Promise<T>): Promise<T> {
    if (this.waiting >= limits.databaseQueue) {
      return Promise.reject(
        new DatabaseUnavailableError('too many transactions are waiting for the database'),
      );
    }
    this.waiting += 1;
    const done = this.last.then(() => this.runNow(work)).finally(() => (this.waiting -= 1));
    this.last = done.catch(() => undefined); // the caller gets the error; the next transaction starts regardless
    return done;
  }

  /**
   * Reads stored state at startup. If the database cannot be read, the program starts without that state and
   * logs `otherwise`.
   */
  async restore(otherwise: string, work: (manager: EntityManager) => Promise<void>): Promise<void> {
    try {
      await this.read(work);
    } catch (error) {
      this.logger.warn(otherwise, { reason: describeError(error) });
    }
  }

  /** Closes the database after all transactions requested earlier. */
  async close(): Promise<void> {
    await this.last;
    const { state } = this;
    this.state = { kind: 'closed' };
    if (state.kind === 'open') await state.source.destroy();
  }

  private async runNow<T>(work: (source: DataSource) => Promise<T>): Promise<T> {
    const source = await this.opened();
    try {
      return await work(source);
    } catch (error) {
      await this.onFault(source, error);
      throw error;
    }
  }

  private async opened(): Promise<DataSource> {
    const { state } = this;
    if (state.kind === 'unusable' || (state.kind === 'waiting' && state.until > this.clock.now()))
      throw new DatabaseUnavailableError(state.reason);
    try {
      if (state.kind === 'open') {
        const inode = await inodeOf(this.config.dbPath);
        if (inode === state.inode) return state.source;
        if (inode === null)
          this.logger.warn('the database file is gone; creating a new one', { path: this.config.dbPath });
        else
          this.logger.warn('the database file was replaced; opening the new one', {
            path: this.config.dbPath,
          });
        await this.drop(state.source);
      }
      return await this.openOrReplace(state);
    } catch (error) {
      if (state.kind === 'open' && this.state.kind === 'open') await this.drop(state.source);
      this.wait(state, error);
      throw new DatabaseUnavailableError(describeError(error), { cause: error });
    }
  }

  private async openOrReplace(state: DatabaseState): Promise<DataSource> {
    if (state.kind === 'damaged') return await this.startOver(state.error);
    try {
      return await this.open();
    } catch (error) {
      if (kindOfFault(error) !== 'damaged') throw error;
      return await this.startOver(error);
    }
  }

  private async open(): Promise<DataSource> {
    const { dbPath } = this.config;
    const file = await openFile(
      dbPath,
      this.driver,
      this.entities,
      () => new MigrationNotice(this.logger, dbPath),
    );
    if (file.kind === 'open') {
      this.state = file;
      this.changes += 1;
      return file.source;
    }
    const reason = `the database comes from a newer version of codex-pool (${file.migration}); the file is left untouched, and nothing is recorded`;
    this.state = { kind: 'unusable', reason };
    this.logger.error('the database was created by a newer version', { path: this.config.dbPath, reason });
    throw new DatabaseUnavailableError(reason);
  }

  /** Sets a damaged file aside, so that its data is not lost, and creates a new one. */
  private async startOver(error: unknown): Promise<DataSource> {
    const path = this.config.dbPath;
    const aside = await setAside(path, this.clock.now());
    const fields = { path, aside, reason: describeError(error) };
    this.logger.error('the database is damaged: setting it aside and creating a new one', fields);
    return await this.open();
  }

  private async onFault(source: DataSource, error: unknown): Promise<void> {
    if (isLocked(error) || isRowFault(error)) return; // the connection is still good
    if (errorCode(error) === null && !('driverError' in Object(error))) return; // an error of the work itself
    await this.drop(source); // the next transaction opens it again
    if (kindOfFault(error) === 'damaged') this.state = { kind: 'damaged', error };
  }

  private async drop(source: DataSource): Promise<void> {
    this.state = { kind: 'closed' };
    try {
      await source.destroy();
    } catch (error) {
      this.logger.debug('closing a broken database failed', { reason: describeError(error) });
    }
  }

  private wait(before: DatabaseState, error: unknown): void {
    if (this.state.kind === 'unusable') return;
    const reason = `the database cannot be opened: ${describeError(error)}`;
    const next = waitingAfter(before, reason, this.clock.now());
    this.state = next;
    if (next.failures === 1) this.logger.error('database unavailable', { path: this.config.dbPath, reason });
  }
}
