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
 * Has the pool folder read again when something in it, or where its links lead, has changed. Looks by itself now
 * and then as well, since a watcher may miss something, or may not work at all; nothing of it ever fails a request.
 */
@Injectable()
export class PoolWatcher implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PoolWatcher.name);
  private readonly watch = new FolderWatcher(
    () => this.debounce.add(),
    (error) => this.lostSnapshot(error),
  );
  private readonly debounce = new Debounce(() => {
    this.isSettled = true;
    this.wake();
  });
  private ticking: Disposable | null = null;
  private looking: Promise<void> | null = null;
  private isWanted = false;
  /** Whether a burst of changes has just ended: any other look may come in the middle of one. */
  private isSettled = false;
  private isClosed = false;
  /** When it was last looked at, and until when it is not tried to watch it; `performance.now()`. */
  private lookedAt = 0;
  private blindUntil = 0;
  /** What is wrong with the folder, so that it is said once; null when nothing is. */
  private trouble: string | null = null;
  private hasToldBlind = false;

  constructor(
    private readonly registry: AccountRegistry,
    private readonly folder: PoolFolder,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** After the first reading; what changed since then is found by the first look. */
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
    await this.watch.close(); // a look that was under way may have begun another
  }

  private tick(): void {
    const now = performance.now();
    const isBlind = this.trouble !== null || this.blindUntil > now;
    if (isBlind || now - this.lookedAt >= limits.folderLookMs) this.wake();
    else void this.watch.isStale().then((isStale) => isStale && this.wake());
  }

  /** One look at a time; who asks while it runs gets another one after it. */
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
        this.inTrouble(describeError(error));
      }
    }
    this.looking = null;
  }

  /** The folder as it is now; whatever changes later wakes this again. */
  private async snapshot(): Promise<FolderSnapshot> {
    const snapshot = await this.folder.look();
    if (snapshot.kind === 'unseen') {
      await this.watch.close();
      return snapshot;
    }
    if (this.watch.covers(snapshot.places) || this.blindUntil > performance.now()) return snapshot;
    await this.watch.watch(snapshot.places);
    this.debounce.add(); // what has changed until now, nobody has told
    return snapshot;
  }

  private async follow(snapshot: FolderSnapshot, isSettled: boolean): Promise<void> {
    const isGone = snapshot.kind === 'unseen' && snapshot.code === 'ENOENT';
    // A folder that cannot be read says nothing of its files: all stays as it is.
    if (snapshot.kind === 'unseen') this.inTrouble(isGone ? 'there is no such folder' : snapshot.code);
    if (snapshot.kind === 'unseen' && !isGone) return;
    const isOutdated = this.folder.isOutdated(snapshot);
    if (isOutdated && isSettled) await this.registry.reload();
    else if (isOutdated) this.debounce.add();
    if (snapshot.kind === 'seen' && this.trouble !== null) {
      this.trouble = null;
      this.logger.log('the pool folder can be read again', { folder: this.folder.path });
    }
  }

  private inTrouble(reason: string): void {
    if (this.trouble !== reason) {
      this.logger.warn('the pool folder cannot be read', { folder: this.folder.path, reason });
    }
    this.trouble = reason;
  }

  private lostSnapshot(error: unknown): void {
    this.blindUntil = performance.now() + limits.folderLookMs;
    void this.watch.close();
    this.debounce.add(); // what has happened since, nobody has told
    if (this.hasToldBlind) return;
    this.hasToldBlind = true;
    this.logger.warn('the pool folder cannot be watched, and is looked at every few seconds instead', {
      reason: errorCode(error) ?? describeError(error),
    });
  }
}
