import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LoggedRequest } from '../script/request-log.js';

/** A request in progress and its response. */
export class Exchange {
  /** Resolves when the response has ended or its connection is closed. */
  readonly closed: Promise<void>;
  #cutByUs = false;

  constructor(
    readonly req: IncomingMessage,
    readonly res: ServerResponse,
    readonly logged: LoggedRequest,
  ) {
    this.closed = new Promise((resolve) => {
      res.once('close', resolve);
    });
  }

  /** True when nothing more can be written, for example because the connection is closed. */
  get isOver(): boolean {
    return this.res.destroyed || this.res.writableEnded;
  }

  get wasCutByUs(): boolean {
    return this.#cutByUs;
  }

  /** Waits for a promise, at most until the connection closes. */
  async unlessClosed(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.closed]);
  }

  /** Writes with back-pressure; does nothing once the connection is closed. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.isOver) return;
    if (!this.res.write(bytes)) await this.#drained();
  }

  /** Closes the connection in the middle of the response, after the written bytes have been sent. */
  cut(): void {
    this.#end(() => this.req.socket.destroy());
  }

  /** As `cut`, but with a reset instead of an orderly close. */
  reset(): void {
    this.#end(() => this.req.socket.resetAndDestroy());
  }

  #end(destroy: () => void): void {
    this.#cutByUs = true;
    const { socket } = this.req;
    if (socket.writableLength === 0) destroy();
    else socket.write('', destroy);
  }

  async #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.res.once('drain', resolve);
    await this.unlessClosed(promise);
    this.res.off('drain', resolve);
  }
}
