import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../../../src/runtime/pool-error.js';
import { eventually } from '../eventually.js';

const REMOUNT_LIMIT_MS = 5_000;
const run = promisify(execFile);
const BALLAST = 'ballast';
const PIECE = Buffer.alloc(4_096, 'x');

/** Whether this machine permits mounting a file system: Linux, as root, in a privileged container. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'codex-pool-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A separate disk mounted on a folder, small enough to fill up. */
export class SmallDisk implements AsyncDisposable {
  private constructor(private readonly folder: string) {}

  /** Mounts a disk on the folder and moves its files onto it. */
  static async under(folder: string, size = '1m'): Promise<SmallDisk> {
    const names = await readdir(folder);
    const files = await Promise.all(names.map(async (it) => [it, await readFile(join(folder, it))] as const));
    for (const name of names) await rm(join(folder, name));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder]);
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes, { mode: 0o600 });
    return new SmallDisk(folder);
  }

  /** Fills the remaining space. */
  async fill(): Promise<void> {
    const file = await open(join(this.folder, BALLAST), 'w');
    try {
      for (;;) await file.write(PIECE);
    } catch (error) {
      if (errorCode(error) !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  async makeRoom(): Promise<void> {
    await rm(join(this.folder, BALLAST));
  }

  async makeReadOnly(): Promise<void> {
    // Refused while a file is open for writing.
    await eventually(async () => await this.#refusalToRemount('ro'), REMOUNT_LIMIT_MS);
  }

  async makeWritable(): Promise<void> {
    await eventually(async () => await this.#refusalToRemount('rw'), REMOUNT_LIMIT_MS);
  }

  async #refusalToRemount(mode: 'ro' | 'rw'): Promise<string | null> {
    try {
      await run('mount', ['-o', `remount,${mode}`, this.folder]);
      return null;
    } catch (error) {
      return String(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', ['--lazy', this.folder]); // a program that is still ending may have files open there
  }
}
