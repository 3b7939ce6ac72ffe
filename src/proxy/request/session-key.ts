import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from '../../runtime/is-record.js';

/** Headers that name a session; the first one present counts (docs/protocol.md, session identity). */
const headerNames = ['session-id', 'session_id', 'conversation_id', 'x-codex-conversation-id'] as const;
const bodyNames = ['conversation_id', 'conversation', 'prompt_cache_key'] as const;

/**
 * Returns the key that ties requests to one account; null if no header names a session. The key is a hash: all keys
 * have the same length, and no session's name is ever printed. Header and body give the same key for a session.
 */
export function sessionKeyFromHeaders(headers: IncomingHttpHeaders): string | null {
  for (const name of headerNames) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return keyOf(value);
  }
  return fromTurnMetadata(headers['x-codex-turn-metadata']);
}

/** Returns the key of the session that a parsed request body names; null if it names none. */
export function sessionKeyFromBody(body: unknown): string | null {
  if (!isRecord(body)) return null;
  return fromFields(body) ?? (isRecord(body['metadata']) ? fromFields(body['metadata']) : null);
}

/** Image requests name their session only in the turn metadata. */
function fromTurnMetadata(value: string | string[] | undefined): string | null {
  if (typeof value !== 'string') return null;
  const named = /"session_id"\s*:\s*"([^"\\]+)"/.exec(value)?.[1];
  return named === undefined ? null : keyOf(named);
}

function fromFields(fields: Readonly<Record<string, unknown>>): string | null {
  for (const name of bodyNames) {
    const value = fields[name];
    if (typeof value === 'string' && value !== '') return keyOf(value);
    if (name === 'conversation' && isRecord(value) && typeof value['id'] === 'string')
      return keyOf(value['id']);
  }
  return null;
}

function keyOf(value: string): string {
  return hash('sha256', value, 'base64url').slice(0, 22);
}
