import type { ServerResponse } from 'node:http';

/** Emitted on a request and its response when the client has stopped sending the body, and has been told so. */
export const bodyStalled = Symbol('body stalled');

/** Notices that a client's connection ends before the whole response has been handed over, or its body stands still. */
export class ClientLeaving {
  readonly #gone = new AbortController();
  #isIgnored = false;

  constructor(res: ServerResponse) {
    res.once('close', () => {
      if (!res.writableFinished && !this.#isIgnored) this.#gone.abort();
    });
    res.once(bodyStalled, () => this.#gone.abort());
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  ignore(): void {
    this.#isIgnored = true;
  }
}
