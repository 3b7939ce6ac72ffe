import { SeededRandom } from '../support/seeded-random.js';

/** Draws of a batch or of one input. The same numbers give the same draws. */
export class Draw {
  readonly #random: SeededRandom;

  constructor(private readonly numbers: readonly number[]) {
    // FNV-1a, so that neighbouring seeds have nothing in common.
    this.#random = new SeededRandom(
      numbers.reduce((hash, it) => Math.imul(hash ^ it, 0x01000193) ^ (it >>> 13), 0x811c9dc5),
    );
    for (let i = 0; i < 8; i += 1) this.#random.next();
  }

  /** An independent series of draws; the same for the same number. */
  fork(number: number): Draw {
    return new Draw([...this.numbers, number]);
  }

  /** A whole number, both ends included. */
  whole(from: number, to: number): number {
    return Math.floor(this.#random.between(from, to + 1));
  }

  happens(ratio: number): boolean {
    return this.#random.happens(ratio);
  }

  one<T>(items: readonly [T, ...T[]]): T {
    return items[this.whole(0, items.length - 1)] ?? items[0];
  }

  /** One of a list that is known not to be empty. */
  any<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new RangeError('the list is empty');
    return item;
  }

  list<T>(from: number, to: number, make: () => T): T[] {
    return Array.from({ length: this.whole(from, to) }, make);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.whole(0, 255)));
  }

  /** A size between both, small ones more often than large ones. */
  size(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.#random.next());
  }
}
