import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { Lane } from './crash-harness.js';
import { Report } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

/**
 * The program is killed at moments that a seed decides: `CRASH_SEED` gives the same moments again (the machine's own
 * timing it cannot give again), `CRASH_KILLS` says how many.
 */
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const kills = Number(process.env['CRASH_KILLS'] ?? 200);
const lanes = [1, 2] as const;

const accounts = ['a', 'b', 'c', 'd', 'e', 'f'];
const WORKERS = 8;
/** Some lives are unmodified, and some end before they listen. */
const PLAIN_RATIO = 0.25;
const IN_START_RATIO = 0.3;
const START_MS = 2_000;
/** The load goes on this long, at most, after the last life was made good. */
const LOAD_MS = 250;

describe('a process that is killed at random moments', () => {
  const report = new Report(`random kills with CRASH_SEED=${seed}`);
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  it.concurrent.each(lanes)(
    'loses no tokens, uses none twice, and serves every turn after its next start (lane %i)',
    async (number) => {
      const random = new SeededRandom(seed + number);
      const slowness = new SeededRandom(seed - number);
      await using lane = await Lane.create(accounts, entry, report, slowness);
      const share = Math.ceil(kills / lanes.length);
      for (let kill = 0; kill <= share; kill += 1) {
        const life = lane.begin(random.happens(PLAIN_RATIO) ? 'plain' : 'traced');
        await using _it = life.child;
        const isInStart = random.happens(IN_START_RATIO) && kill < share;
        const momentMs = random.between(0, isInStart ? START_MS : LOAD_MS);
        let load: TurnLoad | null = null;
        if (!isInStart) {
          const origin = await life.origin();
          load = new TurnLoad(life, origin, WORKERS);
          await lane.prove(life, origin, load);
        }
        if (kill === share) {
          load?.stop();
          await load?.ended();
          break; // the life after the last kill
        }
        await pause(momentMs);
        load?.stop();
        await life.kill9();
        await load?.ended();
        if (load !== null) lane.checkFaults(load);
        report.turnsServed(load?.total ?? 0);
        await lane.examine(life, isInStart);
      }
      expect(lane.fakeUpstream.tokens.reuses).toBe(0);
    },
  );
});
