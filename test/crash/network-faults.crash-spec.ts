import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { SeededRandom } from '../support/seeded-random.js';
import { type WireFault, wireFaults } from '../support/network/token-wire.js';
import { CrashHarness } from './crash-harness.js';
import { CrashReport } from './crash-report.js';
import { TurnLoad } from './turn-load.js';

/** `CRASH_SEED` repeats the faults of a run in the same order. `CRASH_FAULTS` is their number. */
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const faults = Number(process.env['CRASH_FAULTS'] ?? 100);

const accounts = ['a', 'b', 'c', 'd'];
const WORKERS = 6;
/** Time limit of a token request without a response; five minutes in the deployed program. */
const STALL_MS = 500;

const randomFault = (random: SeededRandom): WireFault =>
  wireFaults[Math.floor(random.next() * wireFaults.length)] ?? wireFaults[0];

describe('a token request', () => {
  const report = new CrashReport(`network faults with CRASH_SEED=${seed}`);
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  /** Runs the program through these faults; returns how often it reused a spent refresh token. */
  async function reusesAfter(sequence: readonly WireFault[]): Promise<number> {
    await using harness = await CrashHarness.create(accounts, entry, report, new SeededRandom(seed));
    const run = harness.start('traced', undefined, STALL_MS);
    await using _it = run.child;
    const origin = await run.origin();
    const load = new TurnLoad(run, origin, WORKERS);
    for (const fault of sequence) await harness.breakOnce(fault, run, origin, load);
    load.stop();
    await load.ended();
    report.turnsServed(load.total);
    harness.checkFaults(load);
    return harness.fakeUpstream.tokens.reuses;
  }

  it.each(wireFaults)(
    'whose connection %s fails no turn, and the token is not sent again while the access token is valid',
    async (fault) => {
      expect(await reusesAfter([fault])).toBe(0);
    },
  );

  it(`that breaks at ${faults} random steps fails no turn, and no token is sent again while its access token is valid`, async () => {
    const random = new SeededRandom(seed);
    expect(await reusesAfter(Array.from({ length: faults }, () => randomFault(random)))).toBe(0);
  });
});
