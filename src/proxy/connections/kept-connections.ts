import type { Agent } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../runtime/clock.js';

/** The connections of one agent. Closes those that may be dead although nothing says so. */
export class KeptConnections {
  readonly #idleSince = new WeakMap<Duplex, number>();

  constructor(
    readonly agent: Agent,
    private readonly clock: Clock,
  ) {
    agent.on('free', (socket: Duplex) => this.#idleSince.set(socket, clock.now()));
  }

  /** Closes the connections that have been idle for longer than `ms`; by default all idle ones. */
  dropIdle(ms = 0): void {
    const now = this.clock.now();
    for (const socket of socketsIn(this.agent.freeSockets))
      if (ms === 0 || now - (this.#idleSince.get(socket) ?? now) > ms) socket.destroy();
  }

  /** Closes the connections whose local address fits, also those in use. */
  dropFrom(fits: (localAddress: string | undefined) => boolean): void {
    for (const sockets of [this.agent.freeSockets, this.agent.sockets])
      for (const socket of socketsIn(sockets))
        if (fits(socket.localAddress))
          socket.destroy(new Error('the local address of the connection has gone'));
  }
}

/** A copy: closing a socket changes the agent's lists. */
function socketsIn(lists: Agent['sockets']): readonly Socket[] {
  return Object.values(lists).flatMap((it) => it ?? []);
}
