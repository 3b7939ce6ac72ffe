import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { CLOCK, type Clock } from '../clock.js';
import { limits } from '../limits.js';
import { describeError, errorCode, PoolError } from '../pool-error.js';
import { driverOptions, isLocked, kindOfFault, migrations, readOnlyOptions } from './database-driver.js';

/** The database cannot be asked now; what was to be written is kept by who wanted it. */
export class DatabaseUnavailableError extends PoolError {
  readonly code = 'database_unavailable';
}

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly source: DataSource; readonly inode: bigint }
  /** Its file is to be set aside before anything else. */
  | { readonly kind: 'damaged'; readonly error: unknown }
  | { readonly kind: 'waiting'; readonly until: number; readonly failures: number; readonly reason: string }
  | { readonly kind: 'unusable'; readonly reason: string };

/**
 * The database, one piece of work at a time in the whole program. It opens when it is needed, and again
 * after a fault. Nothing on the path of a request waits for it.
 */
@Injectable()
export class Database {
  private readonly logger = new Logger(Database.name);
  private state: State = { kind: 'closed' };
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Why nothing can be written now; null when it can, as far as is known. */
  get trouble(): string | null {
    return this.state.kind === 'waiting' || this.state.kind === 'unusable' ? this.state.reason : null;
  }

  get isOpen(): boolean {
    return this.state.kind === 'open';
  }

  /** Whatever was being waited for: the next piece of work tries at once. */
  retryNow(): void {
    if (this.state.kind === 'waiting') this.state = { ...this.state, until: 0 };
  }

  /**
   * Runs work in one transaction, after all that was asked before.
   * @throws DatabaseUnavailableError, or what the work threw
   */
  run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    if (this.waiting >= limits.databaseQueue) {
      return Promise.reject(new DatabaseUnavailableError('the database has too much to do'));
    }
    this.waiting += 1;
    const done = this.last.then(() => this.runNow(work)).finally(() => (this.waiting -= 1));
    this.last = done.catch(() => undefined); // told to who asked; the next one starts anew
    return done;
  }

  /** After all that was asked. */
  async close(): Promise<void> {
    await this.last;
    const { state } = this;
    this.state = { kind: 'closed' };
    if (state.kind === 'open') await state.source.destroy();
  }

  private async runNow<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const source = await this.opened();
    try {
      return await source.transaction(work);
    } catch (error) {
      await this.onFault(source, error);
      throw error;
    }
  }

  private async opened(): Promise<DataSource> {
    const { state } = this;
    if (state.kind === 'unusable') throw new DatabaseUnavailableError(state.reason);
    if (state.kind === 'waiting' && state.until > this.clock.now())
      throw new DatabaseUnavailableError(state.reason);
    try {
      if (state.kind === 'open') {
        const inode = await inodeOf(this.config.dbPath);
        if (inode === state.inode) return state.source;
        if (inode === null)
          this.logger.warn('the database file is gone, a new one is made', { path: this.config.dbPath });
        else this.logger.warn('the database file is another one now', { path: this.config.dbPath });
        await this.drop(state.source);
      }
      return await this.openOrReplace(state);
    } catch (error) {
      if (state.kind === 'open' && this.state.kind === 'open') await this.drop(state.source);
      this.wait(state, error);
      throw new DatabaseUnavailableError(describeError(error), { cause: error });
    }
  }

  private async openOrReplace(state: State): Promise<DataSource> {
    if (state.kind === 'damaged') return await this.startAnew(state.error);
    try {
      return await this.open();
    } catch (error) {
      if (kindOfFault(error) !== 'damaged') throw error;
      return await this.startAnew(error);
    }
  }

  private async open(): Promise<DataSource> {
    await mkdir(dirname(this.config.dbPath), { recursive: true, mode: 0o700 });
    const newer = await newerMigrationIn(this.config.dbPath);
    if (newer !== null) {
      const reason = `the database comes from a newer version of codex-pool (${newer}); nothing in it was touched, and nothing is recorded`;
      this.state = { kind: 'unusable', reason };
      this.logger.error('database of a newer version', { path: this.config.dbPath, reason });
      throw new DatabaseUnavailableError(reason);
    }
    const source = new DataSource(driverOptions(this.config.dbPath));
    await source.initialize();
    try {
      await source.runMigrations({ transaction: 'all' });
      const inode = await inodeOf(this.config.dbPath);
      if (inode === null) throw new Error('the database file is gone again');
      this.state = { kind: 'open', source, inode };
      return source;
    } catch (error) {
      await source.destroy();
      throw error;
    }
  }

  /** Sets a damaged file aside, so that nothing of it is lost, and starts a new one. */
  private async startAnew(error: unknown): Promise<DataSource> {
    const { dbPath } = this.config;
    const aside = `${dbPath}.damaged-${new Date(this.clock.now()).toISOString().replaceAll(':', '-')}`;
    for (const suffix of ['', '-wal', '-shm']) await moveIfThere(dbPath + suffix, aside + suffix);
    this.logger.error('the database was damaged: it is set aside, and a new one started', {
      path: dbPath,
      aside,
      reason: describeError(error),
    });
    return await this.open();
  }

  private async onFault(source: DataSource, error: unknown): Promise<void> {
    if (isLocked(error)) return;
    if (errorCode(error) === null && !('driverError' in Object(error))) return; // not the database's fault
    await this.drop(source); // opened anew next time
    if (kindOfFault(error) === 'damaged') this.state = { kind: 'damaged', error };
  }

  private async drop(source: DataSource): Promise<void> {
    this.state = { kind: 'closed' };
    try {
      await source.destroy();
    } catch (error) {
      this.logger.debug('a broken database did not close', { reason: describeError(error) });
    }
  }

  private wait(before: State, error: unknown): void {
    if (this.state.kind === 'unusable') return;
    const failures = before.kind === 'waiting' ? before.failures + 1 : 1;
    const pause = Math.min(limits.databaseRetryFirstMs * 2 ** (failures - 1), limits.databaseRetryMaxMs);
    const reason = `the database cannot be opened: ${describeError(error)}`;
    this.state = { kind: 'waiting', until: this.clock.now() + pause, failures, reason };
    if (failures === 1) this.logger.error('database not available', { path: this.config.dbPath, reason });
  }
}

/** Looks into a file without writing to it: not even its journal mode may change before it is known to be ours. */
async function newerMigrationIn(path: string): Promise<string | null> {
  if ((await inodeOf(path)) === null) return null;
  const source = new DataSource(readOnlyOptions(path));
  await source.initialize();
  try {
    return await newerMigration(source);
  } finally {
    await source.destroy();
  }
}

/** The name of a migration that this version does not know; null when all are its own. */
async function newerMigration(source: DataSource): Promise<string | null> {
  const runner = source.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return null;
    const known = new Set(migrations.map((it) => it.name));
    const rows: { name: string }[] = await source
      .createQueryBuilder()
      .select('name')
      .from('migrations', 'm')
      .getRawMany();
    return rows.find((it) => !known.has(it.name))?.name ?? null;
  } finally {
    await runner.release();
  }
}

/** Which file has the name now; null when none has. */
async function inodeOf(path: string): Promise<bigint | null> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  if ((await inodeOf(from)) !== null) await rename(from, to);
}
