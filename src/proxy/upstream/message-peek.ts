import { limits } from '../../config/limits.js';
import { messageType } from '../request/message.js';
import type { SocketEnd, SocketMessage, SocketReader, UpstreamSocket } from '../socket/upstream-socket.js';
import { type EventFailure, failureInMessage } from '../outcome/event-failure.js';
import { failureEvents, isOutput } from '../outcome/response-events.js';

/** How the peek at a turn on a WebSocket ended. The last message held is the one that ended it. */
export type MessagePeekEnd = {
  readonly held: readonly SocketMessage[];
  /** `performance.now()` when the first message arrived; null if none did. */
  readonly firstAt: number | null;
} & (
  | { readonly kind: 'output' }
  | { readonly kind: 'failed'; readonly failure: EventFailure }
  | { readonly kind: 'closed'; readonly end: SocketEnd }
  | { readonly kind: 'stopped' }
);

type Ending<E = MessagePeekEnd> = E extends unknown ? Omit<E, 'held' | 'firstAt'> : never;

/**
 * Holds the messages of a turn until its first output, or until a failure event, as `peekForOutput` does for an event
 * stream: a turn without output or failure within 10 s of its first message and 1 MiB counts as output. Then the socket
 * has no reader, and later messages wait for the next one. `stop` ends the peek.
 */
export async function peekMessages(socket: UpstreamSocket, stop: AbortSignal): Promise<MessagePeekEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<Ending>();
  const held: SocketMessage[] = [];
  let bytes = 0;
  let firstAt: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  const decide = (end: Ending): void => {
    socket.read(null);
    resolve(end);
  };
  const reader: SocketReader = {
    message: (message) => {
      held.push(message);
      bytes += message.bytes.length;
      firstAt ??= performance.now();
      timer ??= setTimeout(() => decide({ kind: 'output' }), limits.peekMs);
      const type = message.isBinary ? null : (messageType(message.bytes) ?? '');
      if (type !== null && failureEvents.has(type))
        decide({ kind: 'failed', failure: failureInMessage(message.bytes.toString('utf8')) });
      else if (type === null || isOutput(type) || bytes >= limits.peekBytes) decide({ kind: 'output' });
    },
    closed: (end) => decide({ kind: 'closed', end }),
    failed: reject,
  };
  const onStop = (): void => decide({ kind: 'stopped' });
  stop.addEventListener('abort', onStop, { once: true });
  try {
    if (stop.aborted) onStop();
    else socket.read(reader);
    const end = await promise;
    return { ...end, held, firstAt };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}
