import { limits } from '../../config/limits.js';

/** Ends what has been silent for too long: a turn that runs after a while, a socket that only waits much later. */
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

  /** Something has come. */
  moved(): void {
    this.#hasMoved = true;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
