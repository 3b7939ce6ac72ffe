/** Who waits for something that may come free. Whoever is called looks again, and waits on if it was too late. */
export class WaitQueue {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls back once, at the next call; what it returns ends the wait before. */
  add(call: () => void): () => void {
    this.#waiting.add(call);
    return () => void this.#waiting.delete(call);
  }

  /** In the order in which they came. */
  callAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call();
  }
}

/** Resolves at the next call of any of them, when the time is up (ms), or when the signal aborts. */
export async function calledOrOver(
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
