import type { LoggedRequest } from '../script/request-log.js';

/** One message that came on a socket. */
export interface LoggedMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** One `response.create` that came on a socket. */
export interface LoggedSocketTurn extends LoggedMessage {
  /** Its place among all turns on sockets, from 1. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly account: string;
  readonly socket: LoggedSocket;
  /** The message, parsed. */
  readonly message: Readonly<Record<string, unknown>>;
  /** It asks for no output: `generate` is false. */
  readonly isPrewarm: boolean;
  /** When the last frame of its answer left, or the socket was gone. */
  readonly endedAt: number | null;
}

/** A WebSocket that was accepted, and what a test can do to it. */
export interface LoggedSocket {
  /** The same as its handshake's. */
  readonly id: number;
  readonly account: string;
  readonly handshake: LoggedRequest;
  readonly isOpen: boolean;
  /** permessage-deflate was agreed on. */
  readonly isDeflated: boolean;
  /** Messages that are no `response.create`. */
  readonly strays: readonly LoggedMessage[];
  readonly pings: readonly Buffer[];
  readonly pongs: readonly Buffer[];
  /** The code that came with the end, 1006 for a connection that broke; null while it is open. */
  readonly closeCode: number | null;
  readonly closeReason: string | null;
  ping(payload?: string): void;
  close(code: number, reason?: string): void;
  /** Closes the connection without a close frame. */
  cut(): void;
  /** As `cut`, but with a reset. */
  reset(): void;
}

/** All sockets that were accepted and all turns on them, in order. */
export class SocketLog {
  readonly #sockets: LoggedSocket[] = [];
  readonly #turns: LoggedSocketTurn[] = [];

  constructor(private readonly changed: () => void) {}

  get list(): readonly LoggedSocket[] {
    return this.#sockets;
  }

  get open(): number {
    return this.#sockets.filter((it) => it.isOpen).length;
  }

  /** Turns, prewarms among them, whose answers have not ended. */
  get inFlight(): number {
    return this.#turns.filter((it) => it.endedAt === null).length;
  }

  /** The turns without the prewarms. */
  turns(): readonly LoggedSocketTurn[] {
    return this.#turns.filter((it) => !it.isPrewarm);
  }

  prewarms(): readonly LoggedSocketTurn[] {
    return this.#turns.filter((it) => it.isPrewarm);
  }

  /** Whose turns they were, in order, without the prewarms. */
  attempts(): string[] {
    return this.turns().map((it) => it.account);
  }

  /** Called by the fake upstream alone, as the next ones. */
  addSocket(socket: LoggedSocket): void {
    this.#sockets.push(socket);
    this.changed();
  }

  /** Adds a turn; returns what is to be called when it has ended. */
  addTurn(turn: Omit<LoggedSocketTurn, 'id' | 'endedAt'>): () => void {
    const entry = { ...turn, id: this.#turns.length + 1, endedAt: null as number | null };
    this.#turns.push(entry);
    this.changed();
    return () => {
      entry.endedAt = Date.now();
      this.changed();
    };
  }
}
