import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SmallDisk } from './small-disk.js';
import type { Folders, RunningProgram } from '../program/usage-program.js';

/** A disk that takes no credential file any more, until there is an end to it. */
export interface DiskTrouble extends AsyncDisposable {
  /** What the shell is told before a program that starts in the middle of it. */
  readonly atStart: string;
  begin(program: RunningProgram): Promise<void>;
  /** Without a program: none is running. */
  end(program?: RunningProgram): Promise<void>;
}

const poolOf = (folders: Folders): string => join(folders.path, 'pool');

/** No room at all (ENOSPC). */
export async function fullDisk(folders: Folders): Promise<DiskTrouble> {
  const disk = await SmallDisk.under(poolOf(folders));
  return {
    atStart: ':',
    begin: async () => disk.fill(),
    end: async () => disk.makeRoom(),
    [Symbol.asyncDispose]: async () => disk[Symbol.asyncDispose](),
  };
}

/** A pool folder that may only be read (EROFS). */
export async function readOnlyFolder(folders: Folders): Promise<DiskTrouble> {
  const disk = await SmallDisk.under(poolOf(folders));
  return {
    atStart: ':',
    begin: async () => disk.makeReadOnly(),
    end: async () => disk.makeWritable(),
    [Symbol.asyncDispose]: async () => disk[Symbol.asyncDispose](),
  };
}

const LIMIT_KIB = 512;
/** More than the limit, and less than a credential file may have; journal and database stay far below it. */
const PADDING = 'x'.repeat(700 * 1_024);

/** No file over a limit (EFBIG), which is all that can be had without rights; the credential files are over it. */
export async function fileSizeLimit(folders: Folders): Promise<DiskTrouble> {
  for (const name of await readdir(poolOf(folders))) {
    const path = join(poolOf(folders), name);
    const json: object = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...json, padding: PADDING }));
  }
  return {
    // Node ignores the signal that goes with it; the shell itself would not.
    atStart: `trap '' XFSZ; ulimit -S -f ${LIMIT_KIB}`,
    begin: async (program) => limitFiles(program, `${LIMIT_KIB * 1_024}`),
    end: async (program) => {
      if (program !== undefined) await limitFiles(program, 'unlimited');
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** How large a file of this program may become, in bytes. */
export async function limitFiles(program: RunningProgram, bytes: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(program.pid), `--fsize=${bytes}:unlimited`]);
}
