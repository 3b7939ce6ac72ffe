import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { SeededRandom } from '../support/seeded-random.js';
import { type WireFault, wireFaults } from '../support/network/token-wire.js';
import { Lane } from './crash-harness.js';
import { Report } from './crash-report.js';
import { TurnLoad } from './turn-load.js';

/** `CRASH_SEED` gives the same faults in the same order again, `CRASH_FAULTS` says how many. */
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const faults = Number(process.env['CRASH_FAULTS'] ?? 100);

const accounts = ['a', 'b', 'c', 'd'];
const WORKERS = 6;
/** After it a token request that gets no answer is given up; five minutes in the program as it is deployed. */
const STALL_MS = 500;

const shuffled = (random: SeededRandom): WireFault =>
  wireFaults[Math.floor(random.next() * wireFaults.length)] ?? wireFaults[0];

describe('a network that dies in a refresh', () => {
  const report = new Report(`network faults with CRASH_SEED=${seed}`);
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  /** Returns how often a spent refresh token was used again. */
  async function suffer(which: readonly WireFault[]): Promise<number> {
    await using lane = await Lane.create(accounts, entry, report, new SeededRandom(seed));
    const life = lane.begin('traced', undefined, STALL_MS);
    await using _it = life.child;
    const origin = await life.origin();
    const load = new TurnLoad(life, origin, WORKERS);
    for (const fault of which) await lane.breakOnce(fault, life, origin, load);
    load.stop();
    await load.ended();
    report.turnsServed(load.total);
    lane.checkFaults(load);
    return lane.fakeUpstream.tokens.reuses;
  }

  it.each(wireFaults)(
    'whose connection %s costs no turn, and its token is not sent again while the access token is good',
    async (fault) => {
      expect(await suffer([fault])).toBe(0);
    },
  );

  it(`at ${faults} random steps costs no turn, and no token is sent again while its access token is good`, async () => {
    const random = new SeededRandom(seed);
    expect(await suffer(Array.from({ length: faults }, () => shuffled(random)))).toBe(0);
  });
});
