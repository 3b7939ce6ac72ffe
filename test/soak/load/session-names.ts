import { randomUUID } from 'node:crypto';
import type { SeededRandom } from '../../support/seeded-random.js';

const SESSIONS = 60;
/** One turn in this many begins a session, which takes the place of an older one. */
const NEW_RATIO = 0.05;

/** The sessions of a soak: some go on for long, and new ones begin all the time. */
export class SessionNames {
  readonly #names = Array.from({ length: SESSIONS }, () => randomUUID());

  constructor(private readonly random: SeededRandom) {}

  next(): string {
    const index = Math.floor(this.random.next() * SESSIONS);
    if (this.random.happens(NEW_RATIO)) this.#names[index] = randomUUID();
    return this.#names[index] ?? '';
  }
}
