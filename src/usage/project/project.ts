import { createHmac } from 'node:crypto';
import { limits } from '../../config/limits.js';

/** A project by a short name, and a hash that identifies it: never a full path, an address or a credential. */
export interface Project {
  readonly name: string;
  readonly hash: string;
}

/** The folder of a project and the address of its repository; null without one. */
export interface ProjectPlace {
  readonly path: string;
  readonly remote: string | null;
}

/**
 * Returns the project of a folder: its repository, or the folder itself if it has no remote one. Null if neither has a
 * name. The hash is keyed with `salt`: an unkeyed hash of a short path could be found by guessing.
 */
export function projectOf({ path, remote }: ProjectPlace, salt: string): Project | null {
  const repository = remote === null ? null : repositoryIn(remote);
  const identity = repository ?? path;
  const name = shortName(lastSegment(repository ?? path)) ?? shortName(lastSegment(path));
  if (name === null) return null;
  return { name, hash: createHmac('sha256', salt).update(identity).digest('base64url').slice(0, 22) };
}

/**
 * Returns a name for records: well-formed, without control characters and invisible ones, at most
 * `limits.recordedNameChars` long. Null if nothing is left.
 */
export function shortName(text: string): string | null {
  const shown = text
    .slice(0, 4 * limits.recordedNameChars)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim();
  const short = shown.slice(0, limits.recordedNameChars);
  // A cut may leave half of a surrogate pair.
  const name = short.isWellFormed() ? short : short.slice(0, -1);
  return name === '' ? null : name;
}

/** Returns host and path of a repository's address, the same for all its forms; null if it is not a remote address. */
function repositoryIn(remote: string): string | null {
  if (URL.canParse(remote) && remote.includes('://')) {
    const { protocol, hostname, pathname } = new URL(remote);
    return protocol === 'file:' ? null : addressOf(hostname, pathname);
  }
  // The form of scp: `git@github.com:owner/repository.git`. One letter before the colon is a drive of Windows.
  const [, host, path] = /^(?:[^@/\\]*@)?([^@:/\\]{2,}):(.+)$/.exec(remote) ?? [];
  return host === undefined || path === undefined ? null : addressOf(host, path);
}

function addressOf(host: string, path: string): string | null {
  const bare = path
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  return host === '' || bare === '' || bare.includes('@') ? null : `${host.toLowerCase()}/${bare}`;
}

function lastSegment(path: string): string {
  return path.split(/[/\\]/).findLast((it) => it !== '') ?? '';
}
