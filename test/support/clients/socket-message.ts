const ENDS = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);

/** A received message. */
export interface SocketMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  /** Arrival time (`performance.now()`). */
  readonly at: number;
}

/** The `type` of a message's JSON; empty if none. */
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
  if (message === undefined || message.isBinary) throw new Error('not a text message');
  const parsed: unknown = JSON.parse(message.bytes.toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new Error('not a JSON object');
  return { ...parsed };
}

/** Whether it is the last message of a turn. */
export function endsTurn(message: SocketMessage): boolean {
  return ENDS.has(typeOf(message));
}
