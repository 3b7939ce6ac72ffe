import { createHash } from 'node:crypto';
import { open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../runtime/files/atomic-file.js';
import { lockFile } from '../../runtime/files/file-lock.js';
import { ensureOwnFolder } from '../../runtime/files/private-files.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { CommandError } from '../command/command-error.js';
import type { ConfigChange } from '../codex-config/config-change.js';

const LOCK_PATIENCE_MS = 10_000;

const changeSchema: z.ZodType<ConfigChange> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('replaced'),
    table: z.array(z.string()),
    key: z.string(),
    old: z.string(),
    ours: z.string(),
  }),
  z.object({
    kind: z.literal('inserted'),
    table: z.array(z.string()),
    text: z.string().min(1),
    values: z.record(z.string(), z.string()),
  }),
]);

const recordSchema = z.object({
  version: z.literal(1),
  /** Path asked for, and the file behind its links. */
  path: z.string(),
  realPath: z.string(),
  changes: z.array(changeSchema),
  /** Changes of an earlier setup, as long as the file may still have them instead: the last setup was killed. */
  earlier: z.array(z.array(changeSchema)),
  createdFile: z.boolean(),
  createdFolder: z.boolean(),
  /** The placeholder login that a setup wrote, with a hash of its tokens; null if it wrote none. */
  login: z.object({ path: z.string(), fingerprint: z.string() }).nullable(),
});

/** How `setup` has changed one config: all that `undo` needs. */
export type SetupRecord = z.infer<typeof recordSchema>;

/** The records of all setups of this user, one file for each `config.toml`, readable by the user only. */
export class SetupJournal {
  constructor(private readonly folder: string) {}

  /**
   * Returns the record of a file, or the one whose link led elsewhere when it was set up; null if there is none.
   * @throws CommandError if a record cannot be read
   */
  async find(path: string, realPath: string): Promise<SetupRecord | null> {
    const exact = await this.read(this.fileOf(realPath));
    if (exact !== null) return exact;
    for (const name of await this.names()) {
      const record = await this.read(join(this.folder, name));
      if (record?.path === path) return record;
    }
    return null;
  }

  /** Stores a record durably. */
  async write(record: SetupRecord): Promise<void> {
    try {
      await ensureOwnFolder(this.folder);
      await replaceFile(this.fileOf(record.realPath), `${JSON.stringify(record, null, 2)}\n`);
    } catch (error) {
      throw new CommandError(
        `The record for \`codex-pool undo\` cannot be written: ${describeError(error)}. Correct it, or set XDG_STATE_HOME to another folder. Nothing was changed.`,
      );
    }
  }

  async remove(record: SetupRecord): Promise<void> {
    await unlink(this.fileOf(record.realPath)).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
  }

  /**
   * Keeps other setups and undos of this user out until it is disposed.
   * @throws CommandError if another one takes too long
   */
  async lock(): Promise<AsyncDisposable> {
    try {
      await ensureOwnFolder(this.folder);
      const path = join(this.folder, 'lock');
      const file = await open(path, 'a', 0o600);
      if (await lockFile(file, LOCK_PATIENCE_MS, path)) {
        return { [Symbol.asyncDispose]: async () => await file.close() };
      }
      await file.close();
    } catch (error) {
      throw new CommandError(
        `${this.folder} cannot be used: ${describeError(error)}. Correct it, or set XDG_STATE_HOME to another folder. Nothing was changed.`,
      );
    }
    throw new CommandError(
      'Another `codex-pool setup` or `undo` is at work: wait for its end. Nothing was changed.',
    );
  }

  private fileOf(realPath: string): string {
    return join(this.folder, `${createHash('sha256').update(realPath).digest('hex').slice(0, 32)}.json`);
  }

  private async names(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names.filter((it) => it.endsWith('.json'));
  }

  private async read(file: string): Promise<SetupRecord | null> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
      throw new CommandError(`${file} cannot be read: ${describeError(error)}. Nothing was changed.`);
    }
    try {
      return recordSchema.parse(JSON.parse(text));
    } catch {
      throw new CommandError(
        `${file}, the record of an earlier setup, is damaged. Remove that file, and our lines from Codex's config.toml by hand. Nothing was changed.`,
      );
    }
  }
}
