import type { Duplex } from 'node:stream';

/**
 * Makes the messages that are sent in one tick leave in one write. The library writes each message by itself, and a write
 * costs more than all other work on a message; a read of upstream brings hundreds. Nothing waits longer than its tick.
 */
export class TickCork {
  #isCorked = false;

  /** `connection`: the one below the WebSocket. */
  constructor(private readonly connection: Duplex) {}

  /** Holds what is sent until the end of the tick. */
  hold(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.connection.cork();
    process.nextTick(this.#release);
  }

  readonly #release = (): void => {
    this.#isCorked = false;
    this.connection.uncork();
  };
}
