import { limits } from '../../config/limits.js';

/** Whether a WebSocket's other side is alive, as far as is known. Times are epoch ms. */
export type Pulse =
  | { readonly kind: 'alive'; /** Time of its last ping, or of the handshake. */ readonly since: number }
  | {
      readonly kind: 'owing';
      readonly since: number;
      /** Bytes received before the ping. */ readonly bytes: number;
    }
  | { readonly kind: 'dead' };

/** The facts about a socket at one moment. */
export interface SocketFacts {
  /** Epoch ms. */
  readonly now: number;
  /** Bytes received on its connection so far. */
  readonly bytes: number;
  /** Whether we do not read it at the moment, so that a pong could not arrive. */
  readonly isPaused: boolean;
}

/**
 * The pulse of a socket after a look at it. If it changes to `owing`, a ping is due now. Any byte received after the
 * ping proves life: the pong may wait behind a long message.
 */
export function nextPulse(pulse: Pulse, facts: SocketFacts): Pulse {
  const { now, bytes, isPaused } = facts;
  switch (pulse.kind) {
    case 'alive':
      if (isPaused || now - pulse.since < limits.socketPingMs) return pulse;
      return { kind: 'owing', since: now, bytes };
    case 'owing':
      if (bytes > pulse.bytes) return nextPulse({ kind: 'alive', since: pulse.since }, facts);
      if (isPaused) return { kind: 'alive', since: now };
      return now - pulse.since < limits.socketPongMs ? pulse : { kind: 'dead' };
    case 'dead':
      return pulse;
    default:
      return pulse satisfies never;
  }
}
