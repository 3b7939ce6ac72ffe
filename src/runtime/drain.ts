import { Injectable } from '@nestjs/common';

/** Counts running turns so that shutdown can wait for them. Once started, draining never ends. */
@Injectable()
export class Drain {
  private draining = false;
  private running = 0;
  private waiting: (() => void)[] = [];
  private readonly watchers: (() => void)[] = [];

  get isDraining(): boolean {
    return this.draining;
  }

  get inFlight(): number {
    return this.running;
  }

  /** Makes shutdown wait until the returned handle is disposed. Disposing it twice is harmless. */
  enter(): Disposable {
    this.running += 1;
    return new Entered(() => this.leave());
  }

  private leave(): void {
    this.running -= 1;
    if (this.running === 0) this.release();
  }

  /** Calls back once, when draining starts. */
  onStart(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** Starts draining. Resolves to true when all turns have ended, to false after `deadlineMs`. */
  async start(deadlineMs: number): Promise<boolean> {
    this.draining = true;
    for (const watcher of this.watchers) watcher();
    if (this.running === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.waiting.push(() => resolve(true));
    const timer = setTimeout(() => resolve(false), deadlineMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  private release(): void {
    for (const done of this.waiting) done();
    this.waiting = [];
  }
}

/** One turn that is counted. (An object with a computed method is slower to make.) */
class Entered implements Disposable {
  #leave: (() => void) | null;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  [Symbol.dispose](): void {
    this.#leave?.();
    this.#leave = null;
  }
}
