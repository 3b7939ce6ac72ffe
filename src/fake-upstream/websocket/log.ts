import type { LoggedRequest } from '../script/request-log.js';

/** A message received on a socket. */
export interface LoggedMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** A `response.create` received on a socket. */
export interface LoggedSocketTurn extends LoggedMessage {
  /** Position among all turns on sockets, from 1. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly account: string;
  readonly socket: LoggedSocket;
  /** The message, parsed. */
  readonly message: Readonly<Record<string, unknown>>;
  /** Whether `generate` is false: the turn asks for no output. */
  readonly isPrewarm: boolean;
  /** Time at which the last message of its response was sent, or the socket closed; epoch milliseconds. */
  readonly endedAt: number | null;
}

/** An accepted WebSocket, with the operations a test can perform on it. */
export interface LoggedSocket {
  /** The id of its handshake. */
  readonly id: number;
  readonly account: string;
  readonly handshake: LoggedRequest;
  readonly isOpen: boolean;
  /** Whether permessage-deflate was negotiated. */
  readonly isDeflated: boolean;
  /** Messages other than `response.create`. */
  readonly strays: readonly LoggedMessage[];
  readonly pings: readonly Buffer[];
  readonly pongs: readonly Buffer[];
  /** The close code, 1006 for a broken connection; null while the socket is open. */
  readonly closeCode: number | null;
  readonly closeReason: string | null;
  /** Sends one message and resolves when it is written. */
  send(bytes: Buffer | string, isBinary?: boolean): Promise<void>;
  ping(payload?: string): void;
  /** Closes it; without a code, the close frame has none. */
  close(code?: number, reason?: string): void;
  /** Closes the TCP connection without a close frame. */
  cut(): void;
  /** Like `cut`, but with a TCP reset. */
  reset(): void;
}

/** All accepted sockets and all turns on them, in order. */
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

  /** Number of turns, including prewarms, whose responses have not ended. */
  get inFlight(): number {
    return this.#turns.filter((it) => it.endedAt === null).length;
  }

  /** All turns except prewarms. */
  turns(): readonly LoggedSocketTurn[] {
    return this.#turns.filter((it) => !it.isPrewarm);
  }

  prewarms(): readonly LoggedSocketTurn[] {
    return this.#turns.filter((it) => it.isPrewarm);
  }

  /** The account of each turn except prewarms, in order. */
  attempts(): string[] {
    return this.turns().map((it) => it.account);
  }

  /** Adds an accepted socket. Only the fake upstream calls this and `addTurn`. */
  addSocket(socket: LoggedSocket): void {
    this.#sockets.push(socket);
    this.changed();
  }

  /** Adds a turn; returns a function to call when the turn has ended. */
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
