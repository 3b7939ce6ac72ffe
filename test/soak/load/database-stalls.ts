import { setTimeout as pause } from 'node:timers/promises';
import { OtherProgram } from '../../support/disk/database-process.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';

const BETWEEN_MS = [4_000, 8_000] as const;
const STALL_MS = [1_000, 4_000] as const;

/** Locks the database from another process for some seconds, again and again. */
export async function stallDatabase(
  database: string,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  await using other = await OtherProgram.open(database);
  await other.run('PRAGMA busy_timeout = 10000');
  await repeatedly(isOver, random, BETWEEN_MS, async () => {
    await other.run('BEGIN EXCLUSIVE');
    await pause(random.between(...STALL_MS));
    await other.run('COMMIT');
    tally.count('database stalls');
  });
}
