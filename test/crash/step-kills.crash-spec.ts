import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refreshSteps } from '../../src/tokens/refresh-steps.js';
import { buildProgram } from '../support/program/child-process.js';
import { Lane } from './lane.js';
import { Report } from './report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

const accounts = ['a', 'b', 'c'];
const WORKERS = 4;
const DEATH_LIMIT_MS = 30_000;

describe('a process that is killed in a refresh', () => {
  const report = new Report('kills at each step');
  let entry = '';
  beforeAll(async () => {
    entry = await buildProgram();
  });
  afterAll(() => {
    process.stdout.write(`${report.toString()}\n`);
  });

  it.concurrent.each(refreshSteps)(
    'after the step %s goes on without a token lost or used twice',
    async (step) => {
      await using lane = await Lane.create(accounts, entry, report, new SeededRandom(1));
      const doomed = lane.begin('traced', { step, account: 'b' });
      await using _doomed = doomed.child;
      const deadline = setTimeout(() => doomed.child.kill('SIGTERM'), DEATH_LIMIT_MS);
      const end = await doomed.child.ended;
      clearTimeout(deadline);
      if (end.signal !== 'SIGKILL') throw new Error(`It never came to ${step}\n${doomed.child.outputTail}`);
      const findings = await lane.examine(doomed, false);
      expect(findings[1]?.last).toBe(step);
      const next = lane.begin('plain');
      await using _next = next.child;
      const origin = await next.origin();
      const load = new TurnLoad(next, origin, WORKERS);
      await lane.prove(next, origin, load);
      load.stop();
      await load.ended();
      report.turnsServed(load.total);
      lane.checkFaults(load);
    },
  );
});
