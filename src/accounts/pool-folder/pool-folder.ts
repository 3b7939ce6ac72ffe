import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { mayBePartialWrite } from './partial-write.js';
import { takeSnapshot, type FolderSnapshot, fingerprintOf } from './folder-snapshot.js';

/** The pool folder as a folder; what stands in its files is the vault's to know. */
@Injectable()
export class PoolFolder {
  readonly path: string;
  /** What it looked like when its files were last read; null: they never were. */
  private fingerprintAtReading: string | null = null;
  /** When each broken file was first seen; `performance.now()`. */
  private brokenSince = new Map<string, number>();

  constructor(@Inject(APP_CONFIG) { poolDir }: AppConfig) {
    this.path = poolDir;
  }

  look(): Promise<FolderSnapshot> {
    return takeSnapshot(this.path);
  }

  /** To be called before the files are read: what changes from then on counts as a change. */
  async noteReading(): Promise<void> {
    this.fingerprintAtReading = fingerprintOf(await this.look());
  }

  /** Whether the folder, which looks like this now, was another when its files were last read. */
  isOutdated(snapshot: FolderSnapshot): boolean {
    return fingerprintOf(snapshot) !== this.fingerprintAtReading;
  }

  /** Which of these files, all that cannot be used now, may still be being written. The others are forgotten. */
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
      // Real time, whatever our own clock says: it is compared with the file system's.
      return Date.now() - (await stat(join(this.path, `${name}.json`))).mtimeMs;
    } catch {
      return null;
    }
  }
}
