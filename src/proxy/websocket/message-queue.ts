import type { WebSocket } from 'ws';
import { limits } from '../../config/limits.js';

/**
 * Processes the client's messages in order, since a turn may have to wait for an account or fail over. The client
 * is still read meanwhile, within a bound, so that a disconnect is noticed.
 */
export class MessageQueue {
  #last: Promise<void> = Promise.resolve();
  #bytes = 0;

  constructor(
    private readonly client: WebSocket,
    /** Whether the receiving side keeps up. */
    private readonly isFlowing: () => boolean,
    private readonly work: (message: Buffer, isBinary: boolean) => Promise<void>,
    private readonly onFault: (error: unknown) => void,
  ) {}

  add(message: Buffer, isBinary: boolean): void {
    this.#waits(message.length);
    this.#last = this.#last
      .then(() => this.work(message, isBinary))
      .catch(this.onFault)
      .then(() => this.#waits(-message.length));
  }

  #waits(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= limits.socketBacklogBytes) this.client.pause();
    else if (this.client.isPaused && this.isFlowing()) this.client.resume();
  }
}
