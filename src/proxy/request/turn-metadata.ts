import { hash } from 'node:crypto';
import { limits } from '../../config/limits.js';
import { isRecord } from '../../runtime/is-record.js';

/** A folder that the client works in, and the address of its repository; null without one. */
export interface Workspace {
  readonly path: string;
  readonly remote: string | null;
}

const threadField = /"thread_id"\s*:\s*"([^"\\]{1,200})"/;

/** Returns the hash of the thread that `x-codex-turn-metadata` names; null if it names none. */
export function threadIn(metadata: string): string | null {
  const id = threadField.exec(metadata)?.[1];
  return id === undefined ? null : hash('sha256', id, 'base64url').slice(0, 22);
}

/**
 * Returns the first folder in the metadata's `workspaces`, an object with absolute paths as keys. Null if there is none,
 * and if the metadata is no JSON or longer than `limits.turnMetadataChars`.
 */
export function workspaceIn(metadata: string): Workspace | null {
  if (metadata.length > limits.turnMetadataChars || !metadata.includes('"workspaces"')) return null;
  const fields = jsonOf(metadata);
  const workspaces = isRecord(fields) ? fields['workspaces'] : null;
  if (!isRecord(workspaces)) return null;
  for (const [path, details] of Object.entries(workspaces))
    if (path !== '') return { path, remote: remoteIn(details) };
  return null;
}

const nameInMessage = Buffer.from('"x-codex-turn-metadata"');
const valueInMessage = /^\s*:\s*("(?:[^"\\]|\\.)*")/;

/**
 * Returns the part of a `response.create` message that begins with its turn metadata; null if none is near its end,
 * where Codex puts it. Quotes within strings are escaped, so text about the field is not mistaken for it.
 */
export function metadataPartOf(message: Buffer): string | null {
  const end = message.subarray(-limits.turnMetadataTailBytes);
  const at = end.lastIndexOf(nameInMessage);
  return at === -1 ? null : end.toString('utf8', at + nameInMessage.length);
}

/** Returns the turn metadata at the beginning of a part that `metadataPartOf` has returned; null if it is no text. */
export function metadataIn(part: string): string | null {
  const text = valueInMessage.exec(part)?.[1];
  const value = text === undefined ? null : jsonOf(text);
  return typeof value === 'string' ? value : null;
}

function remoteIn(details: unknown): string | null {
  const remotes = isRecord(details) ? details['associated_remote_urls'] : null;
  const origin = isRecord(remotes) ? remotes['origin'] : null;
  return typeof origin === 'string' && origin !== '' ? origin : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
