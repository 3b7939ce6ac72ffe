import { limits } from '../../config/limits.js';

/** Closes sockets that were silent too long: soon during a turn, much later while idle. */
export class IdleTimer {
  #silentMs = 0;
  #hasMoved = false;
  readonly #timer: NodeJS.Timeout;

  constructor(isBusy: () => boolean, onIdle: () => void) {
    this.#timer = setInterval(() => {
      this.#silentMs = this.#hasMoved ? 0 : this.#silentMs + limits.idleStreamMs;
      this.#hasMoved = false;
      if (this.#silentMs >= (isBusy() ? limits.idleStreamMs : limits.idleSocketMs)) onIdle();
    }, limits.idleStreamMs);
  }

  /** Resets the timer after activity. */
  moved(): void {
    this.#hasMoved = true;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
