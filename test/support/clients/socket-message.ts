const ENDS = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);

/** One message as it came. */
export interface SocketMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  /** When it came, by `performance.now()`. */
  readonly at: number;
}

/** The `type` of a message's JSON; empty if there is none. */
export function typeOf(message: SocketMessage): string {
  try {
    const { type } = jsonOf(message);
    return typeof type === 'string' ? type : '';
  } catch {
    return '';
  }
}

/** The JSON of a text message. */
export function jsonOf(message: SocketMessage | undefined): Record<string, unknown> {
  if (message === undefined || message.isBinary) throw new Error('no text message');
  const parsed: unknown = JSON.parse(message.bytes.toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new Error('no JSON object');
  return { ...parsed };
}

/** It is the last message of a turn. */
export function endsTurn(message: SocketMessage): boolean {
  return ENDS.has(typeOf(message));
}
