import type { ServerResponse } from 'node:http';

/** Notices that a client's connection ends before the whole response has been handed over. */
export class ClientLeaving {
  readonly #gone = new AbortController();
  #isIgnored = false;

  constructor(res: ServerResponse) {
    res.once('close', () => {
      if (!res.writableFinished && !this.#isIgnored) this.#gone.abort();
    });
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  ignore(): void {
    this.#isIgnored = true;
  }
}
