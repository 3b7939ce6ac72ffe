/** Callbacks that wait for something to become free. A woken waiter checks again, and waits again if it was too late. */
export class WaitQueue {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Registers `call` for the next `wakeAll`, once. Returns a function that ends the wait early. */
  add(call: () => void): () => void {
    this.#waiting.add(call);
    return () => void this.#waiting.delete(call);
  }

  /** Wakes all waiters, in the order of their arrival. */
  wakeAll(): void {
    if (this.#waiting.size === 0) return; // the usual case; clearing a set makes a new table for it
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call();
  }
}

/** Resolves when any of the queues is woken, after `ms`, or when the signal aborts. */
export async function waitForAny(
  sources: readonly WaitQueue[],
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = () => resolve();
  const timer = setTimeout(over, ms);
  signal.addEventListener('abort', over, { once: true });
  if (signal.aborted) over();
  const leave = sources.map((it) => it.add(over));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', over);
    for (const it of leave) it();
  }
}
