import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { CrashHarness } from './crash-harness.js';
import { CrashReport } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

/**
 * A seed decides when the program is killed. `CRASH_SEED` repeats the moments of a run, though not the timing of the
 * machine. `CRASH_KILLS` is the number of kills.
 */
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const kills = Number(process.env['CRASH_KILLS'] ?? 200);
const series = [1, 2] as const;

const accounts = ['a', 'b', 'c', 'd', 'e', 'f'];
const WORKERS = 8;
/** Share of runs of the unmodified program, and of runs that end before the program listens. */
const PLAIN_RATIO = 0.25;
const IN_START_RATIO = 0.3;
const START_MS = 2_000;
/** Longest load after the damage of the previous kill is repaired. */
const LOAD_MS = 250;

describe('a process killed at random moments', () => {
  const report = new CrashReport(`random kills with CRASH_SEED=${seed}`);
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  it.concurrent.each(series)(
    'loses no tokens, uses none twice, and serves every turn after its next start (series %i)',
    async (number) => {
      const random = new SeededRandom(seed + number);
      const slowness = new SeededRandom(seed - number);
      await using harness = await CrashHarness.create(accounts, entry, report, slowness);
      const share = Math.ceil(kills / series.length);
      for (let kill = 0; kill <= share; kill += 1) {
        const run = harness.start(random.happens(PLAIN_RATIO) ? 'plain' : 'traced');
        await using _it = run.child;
        const isInStart = random.happens(IN_START_RATIO) && kill < share;
        const momentMs = random.between(0, isInStart ? START_MS : LOAD_MS);
        let load: TurnLoad | null = null;
        if (!isInStart) {
          const origin = await run.origin();
          load = new TurnLoad(run, origin, WORKERS);
          await harness.verify(run, origin, load);
        }
        if (kill === share) {
          load?.stop();
          await load?.ended();
          break; // this run came after the last kill
        }
        await pause(momentMs);
        load?.stop();
        await run.kill9();
        await load?.ended();
        if (load !== null) harness.checkFaults(load);
        report.turnsServed(load?.total ?? 0);
        await harness.examine(run, isInStart);
      }
      expect(harness.fakeUpstream.tokens.reuses).toBe(0);
    },
  );
});
