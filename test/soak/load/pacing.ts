import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../../support/seeded-random.js';

/** Ends the load at a time of `performance.now()`. */
export type IsOver = () => boolean;

/** Works again and again, with a pause of a random length before each time, until it is over. */
export async function repeatedly(
  isOver: IsOver,
  random: SeededRandom,
  [shortest, longest]: readonly [number, number],
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await pause(random.between(shortest, longest));
    if (isOver()) return;
    await work();
  }
}
