import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureOwnFolder } from '../runtime/files/private-files.js';
import { errorCode } from '../runtime/pool-error.js';

const FOLDER = '.removed';
const SUFFIX = '.json';
const KEPT = '.kept';

/** The end of a name: when the file came here, and whether it holds the tokens of a file that someone broke. */
const ending = /-(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)(?:\.kept)?\.json$/;

/**
 * The folder `.removed/` in the pool folder: files of removed accounts, older files that were overwritten, and the last
 * tokens of files that another program broke. Only an operator's request reads it.
 */
export class RemovedFiles {
  readonly folder: string;

  constructor(poolDir: string) {
    this.folder = join(poolDir, FOLDER);
  }

  /** Creates the folder, and returns a path in it for a file of this account. `kept`: for the tokens of a broken file. */
  async pathFor(name: string, kind: 'removed' | 'kept' = 'removed'): Promise<string> {
    await ensureOwnFolder(this.folder);
    const at = new Date().toISOString().replaceAll(':', '-'); // Windows takes no colons
    return join(this.folder, `${name}-${at}${kind === 'kept' ? KEPT : ''}${SUFFIX}`);
  }

  /** Returns the newest file with kept tokens of each of these accounts, as a path below the pool folder. */
  async newestKept(names: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const wanted = new Set(names);
    const kept = (await this.kept()).filter((it) => wanted.has(nameIn(it)));
    return new Map(kept.toSorted().map((file) => [nameIn(file), `${FOLDER}/${file}`]));
  }

  /**
   * Gives outdated kept tokens the name of an ordinary old file. Otherwise a refresh token that was used since could
   * come back. `isOutdated` gets the account's name, and the path below the pool folder.
   */
  async outdateKept(isOutdated: (name: string, path: string) => Promise<boolean>): Promise<void> {
    for (const file of await this.kept()) {
      if (!(await isOutdated(nameIn(file), `${FOLDER}/${file}`))) continue;
      const path = join(this.folder, file.slice(0, -(KEPT + SUFFIX).length) + SUFFIX);
      await rename(join(this.folder, file), path).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error; // another codex-pool was faster
      });
    }
  }

  /**
   * Deletes the files that came here before `at` (epoch ms), but not the newest kept tokens of an account. Returns how
   * many.
   */
  async deleteOlderThan(at: number): Promise<number> {
    let deleted = 0;
    const newest = new Map((await this.kept()).toSorted().map((file) => [nameIn(file), file]));
    for (const file of await this.names()) {
      if (newest.get(nameIn(file)) === file) continue;
      const path = join(this.folder, file);
      try {
        if ((await this.cameAt(file)) >= at) continue;
        await unlink(path);
        deleted += 1;
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error; // another codex-pool was faster
      }
    }
    return deleted;
  }

  /** A file that was moved here has the time of its last write, so the time in its name counts if there is one. */
  private async cameAt(file: string): Promise<number> {
    const [, hours, minutes, seconds] = ending.exec(file) ?? [];
    const named = Date.parse(`${hours}:${minutes}:${seconds}`);
    return Number.isNaN(named) ? (await stat(join(this.folder, file))).mtimeMs : named;
  }

  private async kept(): Promise<string[]> {
    return (await this.names()).filter((it) => it.endsWith(KEPT + SUFFIX));
  }

  private async names(): Promise<string[]> {
    try {
      const entries = await readdir(this.folder, { withFileTypes: true });
      return entries.filter((it) => !it.isDirectory()).map((it) => it.name);
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
      throw error;
    }
  }
}

/** The name of the account whose file this was. */
function nameIn(file: string): string {
  return file.replace(ending, '');
}
