import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { LoggedRequest } from '../script/request-log.js';
import type { LoggedMessage, LoggedSocket } from './log.js';

/** A WebSocket and its TCP connection. */
export class SocketConnection implements LoggedSocket {
  readonly strays: LoggedMessage[] = [];
  readonly pings: Buffer[] = [];
  readonly pongs: Buffer[] = [];
  /** Ids of the responses that were completed on this socket. */
  readonly responseIds = new Set<string>();
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  #closeCode: number | null = null;
  #closeReason: string | null = null;

  constructor(
    readonly account: string,
    readonly handshake: LoggedRequest,
    private readonly ws: WebSocket,
    private readonly tcp: Duplex,
    changed: () => void,
  ) {
    ws.on('error', () => undefined); // the close event follows
    ws.on('ping', (payload) => {
      this.pings.push(payload);
      changed();
    });
    ws.on('pong', (payload) => {
      this.pongs.push(payload);
      changed();
    });
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.#closeCode = code;
        this.#closeReason = reason.toString('utf8');
        resolve();
        changed();
      });
    });
  }

  get id(): number {
    return this.handshake.id;
  }

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  get isDeflated(): boolean {
    return this.ws.extensions.includes('permessage-deflate');
  }

  get closeCode(): number | null {
    return this.#closeCode;
  }

  get closeReason(): string | null {
    return this.#closeReason;
  }

  /** Waits for a promise, at most until the connection closes. */
  async unlessClosed(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.closed]);
  }

  /** Sends one message and waits until it is written; does nothing once the socket is closing. */
  async send(bytes: Buffer | string, isBinary = false): Promise<void> {
    if (!this.isOpen) return;
    const sent = Promise.withResolvers<void>();
    this.ws.send(bytes, { binary: isBinary }, () => sent.resolve()); // the close event follows an error
    await this.unlessClosed(sent.promise);
  }

  ping(payload = ''): void {
    this.ws.ping(payload);
  }

  close(code?: number, reason = ''): void {
    if (code === undefined) this.ws.close();
    else this.ws.close(code, reason);
  }

  cut(): void {
    this.#afterPendingWrites(() => this.tcp.destroy());
  }

  reset(): void {
    this.#afterPendingWrites(() => {
      if (this.tcp instanceof Socket) this.tcp.resetAndDestroy();
      else this.tcp.destroy();
    });
  }

  #afterPendingWrites(end: () => void): void {
    if (this.tcp.writableLength === 0) end();
    else this.tcp.write('', end);
  }
}
