/** Numbers the runs of the program. A request belongs to the run in which it was sent. */
export class ProgramRuns {
  #current = 0;
  #running = Promise.withResolvers<void>();

  constructor() {
    this.#running.resolve();
  }

  isCurrent(run: number): boolean {
    return run === this.#current;
  }

  ended(): void {
    this.#current += 1;
    this.#running = Promise.withResolvers();
  }

  started(): void {
    this.#running.resolve();
  }

  /** Resolves with the number of the current run as soon as the program runs. */
  async untilRunning(): Promise<number> {
    for (;;) {
      const run = this.#current;
      await this.#running.promise;
      if (this.isCurrent(run)) return run;
    }
  }
}
