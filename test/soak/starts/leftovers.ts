import { once } from 'node:events';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Things that an ended program has left behind; all lists are empty if it has cleaned up. */
export interface Leftovers {
  /** Processes that still run in its folder, by id. */
  readonly processes: readonly string[];
  /** Files in its folder that are still locked. */
  readonly locks: readonly string[];
  /** Its port, if it cannot be listened on. */
  readonly ports: readonly number[];
  /** All files in its folder. */
  readonly files: readonly string[];
}

/** Looks for leftovers of a program that ran in this folder and listened on this port (Linux only). */
export async function leftoversOf(folder: string, port: number): Promise<Leftovers> {
  const files = await filesIn(folder);
  return {
    processes: await processesIn(folder),
    locks: await lockedOf(folder, files),
    ports: (await isFree(port)) ? [] : [port],
    files,
  };
}

/** All files below a folder, without Node's compile cache. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((it) => !it.isDirectory())
    .map((it) => join(it.parentPath, it.name).slice(folder.length + 1))
    .filter((it) => !it.startsWith(COMPILED))
    .toSorted();
}

/** The folder of Node's compile cache, which Node itself writes when it ends. */
export const COMPILED = 'compiled';

async function processesIn(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((it) => /^\d+$/.test(it));
  // A process may end between the two reads, and those of other users cannot be read.
  const folders = await Promise.allSettled(ids.map((it) => readlink(`/proc/${it}/cwd`)));
  return ids.filter((_, index) => {
    const found = folders[index];
    return found?.status === 'fulfilled' && found.value.startsWith(folder);
  });
}

/** The kernel lists each lock with the device and the inode of its file. */
async function lockedOf(folder: string, files: readonly string[]): Promise<string[]> {
  const locked = new Set<number>();
  for (const line of (await readFile('/proc/locks', 'utf8')).split('\n')) {
    const inode = /\s[\da-f]+:[\da-f]+:(\d+)\s/.exec(line)?.[1];
    if (inode !== undefined) locked.add(Number(inode));
  }
  const inodes = await Promise.all(files.map(async (it) => (await stat(join(folder, it))).ino));
  return files.filter((_, index) => locked.has(inodes[index] ?? -1));
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: '127.0.0.1' });
  try {
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false; // EADDRINUSE
  }
}
