import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SmallDisk } from './small-disk.js';
import type { Folders, RunningProgram } from '../program/usage-program.js';

/** A disk on which no credential file can be written, until `end`. */
export interface DiskTrouble extends AsyncDisposable {
  /** The shell command to run before a program that starts while the problem lasts. */
  readonly atStart: string;
  begin(program: RunningProgram): Promise<void>;
  /** `program` is absent if none is running. */
  end(program?: RunningProgram): Promise<void>;
}

const poolOf = (folders: Folders): string => join(folders.path, 'pool');

/** A full disk (ENOSPC). */
export async function fullDisk(folders: Folders): Promise<DiskTrouble> {
  const disk = await SmallDisk.under(poolOf(folders));
  return {
    atStart: ':',
    begin: async () => disk.fill(),
    end: async () => disk.makeRoom(),
    [Symbol.asyncDispose]: async () => disk[Symbol.asyncDispose](),
  };
}

/** A read-only pool folder (EROFS). */
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
/** Above the limit and below the maximum size of a credential file. Journal and database stay far below the limit. */
const PADDING = 'x'.repeat(700 * 1_024);

/** A limit of the file size (EFBIG), which needs no privileges. The credential files exceed it. */
export async function fileSizeLimit(folders: Folders): Promise<DiskTrouble> {
  for (const name of await readdir(poolOf(folders))) {
    const path = join(poolOf(folders), name);
    const json: object = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...json, padding: PADDING }));
  }
  return {
    // Node ignores the signal that comes with EFBIG; the shell would not.
    atStart: `trap '' XFSZ; ulimit -S -f ${LIMIT_KIB}`,
    begin: async (program) => limitFiles(program, `${LIMIT_KIB * 1_024}`),
    end: async (program) => {
      if (program !== undefined) await limitFiles(program, 'unlimited');
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Maximum file size of this program, in bytes. */
export async function limitFiles(program: RunningProgram, bytes: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(program.pid), `--fsize=${bytes}:unlimited`]);
}
