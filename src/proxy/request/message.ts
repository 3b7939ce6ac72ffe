import { topLevelField } from './top-level-field.js';

/**
 * Bytes at the start of a message: enough for its type, which upstream and Codex put first, and for the model after
 * it.
 */
const HEAD_BYTES = 1_024;

/** The `type` of a text message; null if it has none or is not a JSON object. */
export function messageType(message: Buffer): string | null {
  const first = /^\s*\{\s*"type"\s*:\s*"([^"\\]*)"/.exec(headOf(message))?.[1];
  if (first !== undefined) return first;
  const type = topLevelField(message, 'type');
  return typeof type === 'string' ? type : null;
}

/** The request in a `response.create`, as far as it can be read without parsing its history. */
export interface TurnStart {
  /** Whether it is self-contained, so that another account can serve it. */
  readonly isWhole: boolean;
  /** Whether it asks for no output: Codex sends such a message right after the handshake. */
  readonly isPrewarm: boolean;
  readonly model: string | null;
  readonly effort: string | null;
}

export function turnStartIn(message: Buffer): TurnStart {
  return {
    isWhole: typeof topLevelField(message, 'previous_response_id') !== 'string',
    isPrewarm: topLevelField(message, 'generate') === false,
    model: modelIn(message),
    effort: found(message, '"reasoning"', /^\s*:\s*\{\s*"effort"\s*:\s*"([^"\\]{1,20})"/)?.[1] ?? null,
  };
}

/** The parsed JSON of a message; null if the message is not JSON. */
export function jsonOf(message: Buffer): unknown {
  try {
    return JSON.parse(message.toString('utf8'));
  } catch {
    return null;
  }
}

function modelIn(message: Buffer): string | null {
  const first = /"model"\s*:\s*"([^"\\]{1,100})"/.exec(headOf(message))?.[1];
  if (first !== undefined) return first;
  const model = topLevelField(message, 'model');
  return typeof model === 'string' && model !== '' ? model.slice(0, 100) : null;
}

function headOf(message: Buffer): string {
  return message.toString('latin1', 0, HEAD_BYTES);
}

/**
 * Returns the first match of `name` followed by `followedBy`; null if none. Quotes inside strings are escaped, but the
 * word may also be a string of its own or a nested name.
 */
function found(message: Buffer, name: string, followedBy: RegExp): RegExpExecArray | null {
  for (let at = message.indexOf(name); at !== -1; at = message.indexOf(name, at + name.length)) {
    const after = at + name.length;
    const match = followedBy.exec(message.toString('latin1', after, after + 128));
    if (match !== null) return match;
  }
  return null;
}
