import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LoggedRequest } from '../script/request-log.js';

/** One request and its answer while it is being served. */
export class Exchange {
  /** Resolves when the answer has ended, or the connection under it is gone. */
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

  /** True when the connection is gone, or nothing more can be written for another reason. */
  get isOver(): boolean {
    return this.res.destroyed || this.res.writableEnded;
  }

  get wasCutByUs(): boolean {
    return this.#cutByUs;
  }

  /** Waits for a promise, but not longer than the other side does. */
  async unlessClosed(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.closed]);
  }

  /** Writes and honours back-pressure; does nothing once the connection is gone. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.isOver) return;
    if (!this.res.write(bytes)) await this.#drained();
  }

  /** Closes the connection in mid-answer, after what was written has left. */
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
