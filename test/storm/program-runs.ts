/** The lives of the program: a request belongs to the one that it was sent in. */
export class Lives {
  #number = 0;
  #alive = Promise.withResolvers<void>();

  constructor() {
    this.#alive.resolve();
  }

  isNow(life: number): boolean {
    return life === this.#number;
  }

  ends(): void {
    this.#number += 1;
    this.#alive = Promise.withResolvers();
  }

  begins(): void {
    this.#alive.resolve();
  }

  /** Resolves when the process lives, with the number of its life. */
  async untilAlive(): Promise<number> {
    for (;;) {
      const life = this.#number;
      await this.#alive.promise;
      if (this.isNow(life)) return life;
    }
  }
}
