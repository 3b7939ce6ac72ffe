import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from '../../runtime/is-record.js';

/** Headers that name a session, first that is present (docs/protocol.md, session identity). */
const headerNames = ['session-id', 'session_id', 'conversation_id', 'x-codex-conversation-id'] as const;
const bodyNames = ['conversation_id', 'conversation', 'prompt_cache_key'] as const;

/**
 * What ties requests to one account: a hash, so that a key of any length costs the same and none is ever
 * printed. The same session gives the same key by header and by body.
 */
export function sessionKeyFromHeaders(headers: IncomingHttpHeaders): string | null {
  for (const name of headerNames) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return keyOf(value);
  }
  return fromTurnMetadata(headers['x-codex-turn-metadata']);
}

/** The session named in a request body that is JSON; null when it is none or names none. */
export function sessionKeyFromBody(body: unknown): string | null {
  if (!isRecord(body)) return null;
  return fromFields(body) ?? (isRecord(body['metadata']) ? fromFields(body['metadata']) : null);
}

/** Image requests carry their session in the turn's metadata alone. */
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
  return createHash('sha256').update(value).digest('base64url').slice(0, 22);
}
