import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { AccountRegistry } from './account-registry.js';
import { Debounce } from './pool-folder/debounce.js';
import { FolderWatcher } from './pool-folder/folder-watcher.js';
import { PoolFolder } from './pool-folder/pool-folder.js';
import type { FolderSnapshot } from './pool-folder/folder-snapshot.js';

/**
 * Reloads the pool when its folder, or the target of one of its links, has changed. Also checks periodically, because
 * a file watcher may miss changes or not work at all. Failures here never fail a request.
 */
@Injectable()
export class PoolWatcher implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PoolWatcher.name);
  private readonly watch = new FolderWatcher(
    () => this.debounce.add(),
    (error) => this.lostWatcher(error),
  );
  private readonly debounce = new Debounce(() => {
    this.isSettled = true;
    this.wake();
  });
  private ticking: Disposable | null = null;
  private looking: Promise<void> | null = null;
  private isWanted = false;
  /** Whether the debounce has just ended. Any other check may come in the middle of a burst of changes. */
  private isSettled = false;
  private isClosed = false;
  /** Time of the last check, and the time before which no watcher is tried; `performance.now()`. */
  private lookedAt = 0;
  private blindUntil = 0;
  /** The current problem with the folder, so that it is logged once; null if none. */
  private trouble: string | null = null;
  private hasLoggedBlind = false;

  constructor(
    private readonly registry: AccountRegistry,
    private readonly folder: PoolFolder,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Runs after the first reading. The first check finds whatever has changed since. */
  onApplicationBootstrap(): void {
    this.ticking = this.clock.every?.(limits.folderTickMs, () => this.tick()) ?? null;
    this.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    this.ticking?.[Symbol.dispose]();
    this.debounce[Symbol.dispose]();
    await this.watch.close();
    await this.looking;
    await this.watch.close(); // a check in progress may have started another watcher
  }

  private tick(): void {
    const now = performance.now();
    const isBlind = this.trouble !== null || this.blindUntil > now;
    if (isBlind || now - this.lookedAt >= limits.folderCheckMs) this.wake();
    else void this.watch.isStale().then((isStale) => isStale && this.wake());
  }

  /** Runs one check at a time. A request during a check causes one more after it. */
  private wake(): void {
    if (this.isClosed) return;
    this.isWanted = true;
    this.looking ??= this.look();
  }

  private async look(): Promise<void> {
    while (this.isWanted && !this.isClosed) {
      this.isWanted = false;
      this.lookedAt = performance.now();
      try {
        const { isSettled } = this;
        this.isSettled = false;
        await this.follow(await this.snapshot(), isSettled);
      } catch (error) {
        this.noteTrouble(describeError(error));
      }
    }
    this.looking = null;
  }

  /** Takes a snapshot of the folder, and watches for later changes. */
  private async snapshot(): Promise<FolderSnapshot> {
    const snapshot = await this.folder.look();
    if (snapshot.kind === 'unseen') {
      await this.watch.close();
      return snapshot;
    }
    if (this.watch.covers(snapshot.places) || this.blindUntil > performance.now()) return snapshot;
    await this.watch.watch(snapshot.places);
    this.debounce.add(); // changes up to now were not reported
    return snapshot;
  }

  private async follow(snapshot: FolderSnapshot, isSettled: boolean): Promise<void> {
    const isGone = snapshot.kind === 'unseen' && snapshot.code === 'ENOENT';
    // If the folder cannot be read, its files are unknown and the pool stays as it is.
    if (snapshot.kind === 'unseen') this.noteTrouble(isGone ? 'the folder does not exist' : snapshot.code);
    if (snapshot.kind === 'unseen' && !isGone) return;
    const isOutdated = this.folder.isOutdated(snapshot);
    if (isOutdated && isSettled) await this.registry.reload();
    else if (isOutdated) this.debounce.add();
    if (snapshot.kind === 'seen' && this.trouble !== null) {
      this.trouble = null;
      this.logger.log('the pool folder can be read again', { folder: this.folder.path });
    }
  }

  private noteTrouble(reason: string): void {
    if (this.trouble !== reason) {
      this.logger.warn('the pool folder cannot be read', { folder: this.folder.path, reason });
    }
    this.trouble = reason;
  }

  private lostWatcher(error: unknown): void {
    this.blindUntil = performance.now() + limits.folderCheckMs;
    void this.watch.close();
    this.debounce.add(); // changes since then were not reported
    if (this.hasLoggedBlind) return;
    this.hasLoggedBlind = true;
    this.logger.warn('the pool folder cannot be watched; checking it every few seconds instead', {
      reason: errorCode(error) ?? describeError(error),
    });
  }
}
