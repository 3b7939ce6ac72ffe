import { Injectable } from '@nestjs/common';

/** Counts the turns that run, so that a stop can wait for them. One-way: once draining, always draining. */
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

  /** Claims a place among what a stop waits for. Giving it back twice does nothing. */
  enter(): Disposable {
    let isHeld = true;
    this.running += 1;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.running -= 1;
        if (this.running === 0) this.release();
      },
    };
  }

  /** Calls back once, when the stop begins. */
  onStart(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** Takes no more; resolves to true when all has ended, to false when `deadlineMs` came first. */
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
