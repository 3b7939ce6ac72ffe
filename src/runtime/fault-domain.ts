import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';

const current = new AsyncLocalStorage<FaultDomain | null>();

/**
 * Confines faults to one client connection: an error in its handling ends the connection, not the process. Everything
 * started in `run` belongs to the domain: promises, timers, ticks, abort listeners, events of its upstream requests.
 * Known failure points have their own guards with better responses (500 in JSON, close code 1011). The domain catches
 * the rest: errors thrown while an event of the connection is emitted are caught here, and later errors without a
 * caller reach the process, where `handleUncaught` looks up the current domain.
 *
 * Continuing after an uncaught exception is safe because connections change shared state only in small synchronous
 * steps, and because a connection's resources (lease, body, upstream request) are released by its `close` event, not by
 * the code that threw. Relayed bytes cost nothing: they do not enter the domain again.
 */
export class FaultDomain {
  #socket: Socket | null;

  constructor(
    socket: Socket,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#socket = socket;
    // Work started here may outlive the connection (a pooled upstream socket, for example); drop the reference.
    socket.once('close', () => (this.#socket = null));
  }

  /** The domain of the running code; null outside any connection. */
  static get current(): FaultDomain | null {
    return current.getStore() ?? null;
  }

  /** Leaves the domain until the next event. */
  static leave(): void {
    current.enterWith(null);
  }

  /** Runs work in the domain. An error ends the connection and is not rethrown; the result is then undefined. */
  run<T>(work: () => T): T | undefined {
    try {
      return current.run(this, work);
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /** Reports the fault and ends the connection. */
  failed(error: unknown): void {
    this.onFault(error);
    this.#socket?.destroy();
  }
}

/** Gives each connection of a server its own domain. Call it before the server listens. */
export function isolateConnections(server: Server, onFault: (error: unknown) => void): void {
  const domains = new WeakMap<Socket, FaultDomain>();
  emitIn(server, (event, args) => {
    const socket = socketIn(args);
    if (socket === null) return null;
    if (event !== 'connection') return domains.get(socket) ?? null;
    const domain = new FaultDomain(socket, onFault);
    domains.set(socket, domain);
    emitIn(socket, () => domain);
    return domain;
  });
}

/** Finds the socket in the arguments of `connection`, `request`, `upgrade`, `connect` and `clientError` events. */
function socketIn(args: readonly unknown[]): Socket | null {
  for (const it of args) {
    if (it instanceof Socket) return it;
    if (it instanceof IncomingMessage) return it.socket;
  }
  return null;
}

/** Emits the events of an emitter in the domain that `domainOf` returns; null emits without one. */
function emitIn(
  emitter: EventEmitter,
  domainOf: (event: string | symbol, args: readonly unknown[]) => FaultDomain | null,
): void {
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const domain = domainOf(event, args);
    if (domain === null) return emit(event, ...args);
    return domain.run(() => emit(event, ...args)) ?? true;
  };
}
