import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { mayBePartialWrite } from './partial-write.js';
import { takeSnapshot, type FolderSnapshot, fingerprintOf } from './folder-snapshot.js';

/** The pool folder itself. The vault reads the contents of its files. */
@Injectable()
export class PoolFolder {
  readonly path: string;
  /** Fingerprint of the folder when its files were last read; null before the first reading. */
  private fingerprintAtReading: string | null = null;
  /** Time at which each file was first seen broken; `performance.now()`. */
  private brokenSince = new Map<string, number>();

  constructor(@Inject(APP_CONFIG) { poolDir }: AppConfig) {
    this.path = poolDir;
  }

  look(): Promise<FolderSnapshot> {
    return takeSnapshot(this.path);
  }

  /** Remembers the current fingerprint. Call it before reading the files, so that later changes are noticed. */
  async noteReading(): Promise<void> {
    this.fingerprintAtReading = fingerprintOf(await this.look());
  }

  /** Returns whether the folder has changed since its files were last read. */
  isOutdated(snapshot: FolderSnapshot): boolean {
    return fingerprintOf(snapshot) !== this.fingerprintAtReading;
  }

  /** Returns which of these files may be partial writes. `names`: all files that are broken now. */
  async partialWrite(names: readonly string[]): Promise<ReadonlySet<string>> {
    const now = performance.now();
    this.brokenSince = new Map(names.map((it) => [it, this.brokenSince.get(it) ?? now]));
    const underWay = await Promise.all(
      names.map(async (it) =>
        mayBePartialWrite(now - (this.brokenSince.get(it) ?? now), await this.unchangedMs(it)),
      ),
    );
    return new Set(names.filter((_, index) => underWay[index]));
  }

  private async unchangedMs(name: string): Promise<number | null> {
    try {
      // Real time instead of our clock, because it is compared with the file system's.
      return Date.now() - (await stat(join(this.path, `${name}.json`))).mtimeMs;
    } catch {
      return null;
    }
  }
}
