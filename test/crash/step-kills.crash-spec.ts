import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refreshSteps } from '../../src/tokens/refresh-state.js';
import { buildProgram } from '../support/program/child-process.js';
import { CrashHarness } from './crash-harness.js';
import { CrashReport } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

const accounts = ['a', 'b', 'c'];
const WORKERS = 4;
const DEATH_LIMIT_MS = 30_000;

describe('a process killed during a refresh', () => {
  const report = new CrashReport('kills at each step');
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  it.concurrent.each(refreshSteps)('after the step %s loses no token and uses none twice', async (step) => {
    await using harness = await CrashHarness.create(accounts, entry, report, new SeededRandom(1));
    const doomed = harness.start('traced', { step, account: 'b' });
    await using _doomed = doomed.child;
    const deadline = setTimeout(() => doomed.child.kill('SIGTERM'), DEATH_LIMIT_MS);
    const end = await doomed.child.ended;
    clearTimeout(deadline);
    if (end.signal !== 'SIGKILL')
      throw new Error(`The program never reached ${step}\n${doomed.child.outputTail}`);
    const findings = await harness.examine(doomed, false);
    expect(findings[1]?.last).toBe(step);
    const next = harness.start('plain');
    await using _next = next.child;
    const origin = await next.origin();
    const load = new TurnLoad(next, origin, WORKERS);
    await harness.verify(next, origin, load);
    load.stop();
    await load.ended();
    report.turnsServed(load.total);
    harness.checkFaults(load);
  });
});
