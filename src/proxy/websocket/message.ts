import { isRecord } from '../../runtime/is-record.js';

/** The start of a frame: enough for its type, which upstream and Codex put first, and for the model behind it. */
const HEAD_BYTES = 1_024;
/** Whose type does not come first is read whole up to here; above it a frame is passed on unread. */
const WHOLE_BYTES = 64 * 1_024;

/** The `type` of a text frame; null when it has none, or is no JSON object. */
export function messageType(frame: Buffer): string | null {
  const first = /^\s*\{\s*"type"\s*:\s*"([^"\\]*)"/.exec(headOf(frame))?.[1];
  if (first !== undefined) return first;
  const json = frame.length <= WHOLE_BYTES ? jsonOf(frame) : null;
  return isRecord(json) && typeof json['type'] === 'string' ? json['type'] : null;
}

/** What a `response.create` asks for, as far as it is told without parsing its history. */
export interface TurnStart {
  /** Everything is in it: another account can serve it as well. */
  readonly isWhole: boolean;
  readonly model: string | null;
  readonly effort: string | null;
}

export function turnStartIn(frame: Buffer): TurnStart {
  return {
    isWhole: found(frame, '"previous_response_id"', /^\s*:\s*"/) === null,
    model: /"model"\s*:\s*"([^"\\]{1,100})"/.exec(headOf(frame))?.[1] ?? null,
    effort: found(frame, '"reasoning"', /^\s*:\s*\{\s*"effort"\s*:\s*"([^"\\]{1,20})"/)?.[1] ?? null,
  };
}

/** Null when it is none. */
export function jsonOf(frame: Buffer): unknown {
  try {
    return JSON.parse(frame.toString('utf8'));
  } catch {
    return null;
  }
}

function headOf(frame: Buffer): string {
  return frame.toString('latin1', 0, HEAD_BYTES);
}

/**
 * The first place where this name is followed so. Text inside a string has its quotes escaped; but the same word may
 * stand as a whole string, or as a name further inside.
 */
function found(frame: Buffer, name: string, followedBy: RegExp): RegExpExecArray | null {
  for (let at = frame.indexOf(name); at !== -1; at = frame.indexOf(name, at + name.length)) {
    const after = at + name.length;
    const match = followedBy.exec(frame.toString('latin1', after, after + 128));
    if (match !== null) return match;
  }
  return null;
}
