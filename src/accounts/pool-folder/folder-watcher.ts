import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { limits } from '../../config/limits.js';
import { identityAt, type WatchedPlaces } from './folder-snapshot.js';

interface Watching {
  readonly watcher: FSWatcher;
  readonly places: WatchedPlaces;
  /** Ends the waiting for its beginning. */
  readonly begin: () => void;
}

/** Tells that something has changed in the places it watches; not what. */
export class FolderWatcher implements AsyncDisposable {
  private watching: Watching | null = null;

  constructor(
    private readonly onChange: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Whether exactly these places are watched. */
  covers({ key }: WatchedPlaces): boolean {
    return this.watching?.places.key === key;
  }

  /** Whether a folder that it watches has given way to another, or to none: then nothing is heard of it any more. */
  async isStale(): Promise<boolean> {
    for (const [path, identity] of this.watching?.places.folders ?? []) {
      if ((await identityAt(path)) !== identity) return true;
    }
    return false;
  }

  /** Watches these places, and no others, from the moment it resolves. */
  async watch(places: WatchedPlaces): Promise<void> {
    await this.close();
    const watcher = watch([...places.folders.keys()], {
      depth: 0,
      ignoreInitial: true,
      // What a link leads to is watched by its folder: a file that is replaced takes its own watcher along.
      followSymlinks: false,
      ignorePermissionErrors: true,
      atomic: false,
      ignored: (path) => !places.folders.has(resolve(path)) && !places.isWanted(resolve(path)),
    });
    const begun = Promise.withResolvers<void>();
    this.watching = { watcher, places, begin: begun.resolve };
    watcher.on('ready', begun.resolve);
    watcher.on('error', (error) => {
      begun.resolve();
      if (this.watching?.watcher === watcher) this.onFault(error);
    });
    watcher.on('all', () => this.onChange());
    // Raw as well: a link that a plain file replaces is in no other event (chokidar 5.0.0).
    watcher.on('raw', (_event, name: unknown, details: unknown) => {
      if (concerns(places, name, details)) this.onChange();
    });
    await Promise.race([begun.promise, pause(limits.folderReadyMs, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    const { watching } = this;
    this.watching = null;
    if (watching === null) return;
    watching.begin(); // one that is closed tells nothing any more
    const closed = watching.watcher.close();
    // It has dropped its listeners, and an error event that nobody hears would end the process.
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
