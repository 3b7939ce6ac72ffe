import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';

const current = new AsyncLocalStorage<FaultDomain | null>();

/**
 * One client's connection, as the thing that ends when its handling throws. Whatever is begun in `run` belongs to it:
 * promises, timers, ticks, abort listeners, and the events of its upstream requests. Known places have guards of
 * their own, which answer better (500 in JSON, close code 1011); this catches the rest, in two ways: what is thrown
 * while an event of the connection is handed out, is caught there; what is thrown later, with no caller left,
 * reaches the process, where `LastResort` asks whose it was.
 *
 * To go on after an uncaught exception is sound here because state that connections share is changed only in small
 * synchronous steps, and because everything that a connection holds (lease, body, upstream request) is given back by
 * its `close`, not by the code that has thrown. Passing bytes costs nothing: they do not enter a domain again.
 */
export class FaultDomain {
  #socket: Socket | null;

  constructor(
    socket: Socket,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#socket = socket;
    // What was begun here may outlive the connection (a kept upstream socket, for one); the connection is let go.
    socket.once('close', () => (this.#socket = null));
  }

  /** The one whose work runs now; null outside any connection. */
  static get current(): FaultDomain | null {
    return current.getStore() ?? null;
  }

  /** What runs from here on, up to the next event, belongs to no connection. */
  static leave(): void {
    current.enterWith(null);
  }

  /** Runs its work. A fault ends the connection and is not thrown on; the result is then undefined. */
  run<T>(work: () => T): T | undefined {
    try {
      return current.run(this, work);
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /** Notes the fault, and ends the connection. */
  failed(error: unknown): void {
    this.onFault(error);
    this.#socket?.destroy();
  }
}

/** Gives each connection of a server a domain of its own. To be called before the server listens. */
export function divide(server: Server, onFault: (error: unknown) => void): void {
  const domains = new WeakMap<Socket, FaultDomain>();
  handOutIn(server, (event, args) => {
    const socket = socketIn(args);
    if (socket === null) return null;
    if (event !== 'connection') return domains.get(socket) ?? null;
    const domain = new FaultDomain(socket, onFault);
    domains.set(socket, domain);
    handOutIn(socket, () => domain);
    return domain;
  });
}

/** Whose event of a server it is: `connection`, `request`, `upgrade`, `connect` and `clientError` name the socket. */
function socketIn(args: readonly unknown[]): Socket | null {
  for (const it of args) {
    if (it instanceof Socket) return it;
    if (it instanceof IncomingMessage) return it.socket;
  }
  return null;
}

/** From now on the events of an emitter are handed out in the domain that is named for each; null: as before. */
function handOutIn(
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
