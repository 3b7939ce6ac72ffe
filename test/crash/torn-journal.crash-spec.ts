import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/child-process.js';
import { Lane } from './lane.js';
import { Report } from './report.js';
import { SeededRandom } from './seeded-random.js';
import { TurnLoad } from './turn-load.js';

/** As a loss of power leaves an entry that was just being written over: its first half new, its second half not. */
async function tearEntries(folder: string): Promise<number> {
  let torn = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const bytes = await readFile(path);
    const length = bytes.findLastIndex((it) => it !== 0) + 1;
    if (length === 0) continue;
    torn += 1;
    await writeFile(path, bytes.fill('~', Math.floor(length / 2), length));
  }
  return torn;
}

it('a journal entry that was cut off in the middle leaves the refresh in doubt, not undone', async () => {
  const report = new Report('torn journal');
  await using lane = await Lane.create(['a', 'b'], await buildProgram(), report, new SeededRandom(1));
  const doomed = lane.begin('traced', { step: 'answered', account: 'b' });
  await using _doomed = doomed.child;
  expect((await doomed.child.ended).signal).toBe('SIGKILL');
  await lane.examine(doomed, false);
  expect(await tearEntries(lane.journalFolder)).toBeGreaterThan(0);
  const next = lane.begin('plain');
  await using _next = next.child;
  const origin = await next.origin();
  const load = new TurnLoad(next, origin, 2);
  await lane.prove(next, origin, load);
  load.stop();
  await load.ended();
  lane.checkFaults(load);
});
