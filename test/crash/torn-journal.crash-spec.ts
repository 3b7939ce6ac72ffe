import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { Lane } from './crash-harness.js';
import { Report } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

const PLACE_BYTES = 65_536;
/** The answer, which goes beside the announcement: its beginning is there, the rest is not. */
const half = `codex-pool-journal/1 2 6000 ${'0'.repeat(64)}\n{"unsaved":{"accessToken":"${'~'.repeat(2_000)}`;

/** As a loss of power leaves a journal whose next entry was just being written. */
async function tearEntries(folder: string): Promise<number> {
  let torn = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const bytes = await readFile(path);
    if (bytes.every((it) => it === 0)) continue;
    torn += 1;
    const isFirstPlaceTaken = bytes.subarray(0, PLACE_BYTES).some((it) => it !== 0);
    bytes.write(half, isFirstPlaceTaken ? PLACE_BYTES : 0);
    await writeFile(path, bytes);
  }
  return torn;
}

it('an answer that was cut off on its way into the journal leaves the refresh in doubt, not undone', async () => {
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
