const ENDS = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);

/** One message as it came. */
export interface Frame {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  /** When it came, by `performance.now()`. */
  readonly at: number;
}

/** The `type` of a frame's JSON; empty if there is none. */
export function typeOf(frame: Frame): string {
  try {
    const { type } = jsonOf(frame);
    return typeof type === 'string' ? type : '';
  } catch {
    return '';
  }
}

/** The JSON of a text frame. */
export function jsonOf(frame: Frame | undefined): Record<string, unknown> {
  if (frame === undefined || frame.isBinary) throw new Error('no text frame');
  const parsed: unknown = JSON.parse(frame.bytes.toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new Error('no JSON object');
  return { ...parsed };
}

/** It is the last frame of a turn. */
export function endsTurn(frame: Frame): boolean {
  return ENDS.has(typeOf(frame));
}
