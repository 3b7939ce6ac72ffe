/** The start of a frame: enough for its type, which upstream and Codex put first, and for the model behind it. */
const HEAD_BYTES = 1_024;
/** Whose type does not come first is read whole up to here; above it a frame is passed on unread. */
const WHOLE_BYTES = 64 * 1_024;

/** The `type` of a text frame; null when it has none, or is no JSON object. */
export function frameType(frame: Buffer): string | null {
  const first = /^\s*\{\s*"type"\s*:\s*"([^"\\]*)"/.exec(headOf(frame))?.[1];
  if (first !== undefined) return first;
  const json = frame.length <= WHOLE_BYTES ? jsonOf(frame) : null;
  return isRecord(json) && typeof json['type'] === 'string' ? json['type'] : null;
}

/** What a `response.create` asks for, as far as it is told without parsing its history. */
export interface TurnWish {
  /** Everything is in it: another account can serve it as well. */
  readonly isWhole: boolean;
  readonly model: string | null;
  readonly effort: string | null;
}

export function turnWish(frame: Buffer): TurnWish {
  return {
    isWhole: !/^"previous_response_id"\s*:\s*"/.test(at(frame, '"previous_response_id"')),
    model: /"model"\s*:\s*"([^"\\]{1,100})"/.exec(headOf(frame))?.[1] ?? null,
    effort:
      /^"reasoning"\s*:\s*\{\s*"effort"\s*:\s*"([^"\\]{1,20})"/.exec(at(frame, '"reasoning":{'))?.[1] ?? null,
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

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headOf(frame: Buffer): string {
  return frame.toString('latin1', 0, HEAD_BYTES);
}

/** Text inside a string has its quotes escaped: what is found here is a name. */
function at(frame: Buffer, name: string): string {
  const found = frame.indexOf(name);
  return found === -1 ? '' : frame.toString('latin1', found, found + 128);
}
