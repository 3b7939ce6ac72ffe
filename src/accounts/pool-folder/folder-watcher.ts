import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { limits } from '../../config/limits.js';
import { identityAt, type WatchedPlaces } from './folder-snapshot.js';

interface Watching {
  readonly watcher: FSWatcher;
  readonly places: WatchedPlaces;
  /** Ends the wait for the watcher to become ready. */
  readonly ready: () => void;
}

/** Calls `onChange` when something changes in the watched places. Does not say what changed. */
export class FolderWatcher implements AsyncDisposable {
  private watching: Watching | null = null;

  constructor(
    private readonly onChange: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Returns whether exactly these places are watched. */
  covers({ key }: WatchedPlaces): boolean {
    return this.watching?.places.key === key;
  }

  /** Returns whether a watched folder was replaced or removed; the watcher then reports nothing about it. */
  async isStale(): Promise<boolean> {
    for (const [path, identity] of this.watching?.places.folders ?? []) {
      if ((await identityAt(path)) !== identity) return true;
    }
    return false;
  }

  /** Watches exactly these places. Resolves once changes are reported. */
  async watch(places: WatchedPlaces): Promise<void> {
    await this.close();
    const watcher = watch([...places.folders.keys()], {
      depth: 0,
      ignoreInitial: true,
      // The target of a link is watched through its folder: a watcher on the file is lost when the file is replaced.
      followSymlinks: false,
      ignorePermissionErrors: true,
      atomic: false,
      ignored: (path) => !places.folders.has(resolve(path)) && !places.isWanted(resolve(path)),
    });
    const ready = Promise.withResolvers<void>();
    this.watching = { watcher, places, ready: ready.resolve };
    watcher.on('ready', ready.resolve);
    watcher.on('error', (error) => {
      ready.resolve();
      if (this.watching?.watcher === watcher) this.onFault(error);
    });
    watcher.on('all', () => this.onChange());
    // Raw events too: no other event reports a link that was replaced by a plain file (chokidar 5.0.0).
    watcher.on('raw', (_event, name: unknown, details: unknown) => {
      if (concerns(places, name, details)) this.onChange();
    });
    await Promise.race([ready.promise, pause(limits.folderReadyMs, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    const { watching } = this;
    this.watching = null;
    if (watching === null) return;
    watching.ready(); // a closed watcher never becomes ready
    const closed = watching.watcher.close();
    // `close` has removed the listeners, and an error event without a listener would end the process.
    watching.watcher.on('error', () => undefined);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function concerns({ isWanted }: WatchedPlaces, name: unknown, details: unknown): boolean {
  if (typeof name !== 'string' || typeof details !== 'object' || details === null) return true;
  const path = 'watchedPath' in details ? details.watchedPath : null;
  return typeof path !== 'string' || isWanted(path) || isWanted(join(path, name));
}
