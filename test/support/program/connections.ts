import { readdir, readFile, readlink } from 'node:fs/promises';

const ESTABLISHED = '01';

/** The open files and connections of a process, as the kernel reports them. */
export interface Connections {
  /** File descriptors of all kinds. */
  readonly descriptors: number;
  /** TCP connections to clients. */
  readonly clients: number;
  /** TCP connections to upstream. */
  readonly upstream: number;
}

/** Counts the connections of a process to its own port and to upstream's port (Linux only). */
export async function connectionsOf(pid: number, listens: string, upstream: string): Promise<Connections> {
  const links = await descriptors(pid);
  const rows = await established(pid);
  const own = rows.filter((it) => links.includes(`socket:[${it.inode}]`));
  const [listenPort, upstreamPort] = [listens, upstream].map((it) => Number(new URL(it).port));
  return {
    descriptors: links.length,
    clients: own.filter((it) => it.localPort === listenPort).length,
    upstream: own.filter((it) => it.remotePort === upstreamPort).length,
  };
}

async function descriptors(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  // A descriptor may be closed between the two reads.
  const links = await Promise.allSettled(names.map((it) => readlink(`${folder}/${it}`)));
  return links.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
}

interface Row {
  readonly localPort: number;
  readonly remotePort: number;
  readonly inode: string;
}

async function established(pid: number): Promise<Row[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((it) => readFile(`/proc/${pid}/net/${it}`, 'utf8')));
  const rows = tables.flatMap((it) => it.trim().split('\n').slice(1));
  return rows.flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return state === ESTABLISHED ? [{ localPort: portIn(local), remotePort: portIn(remote), inode }] : [];
  });
}

const portIn = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16);
