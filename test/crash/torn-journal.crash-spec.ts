import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { CrashHarness } from './crash-harness.js';
import { CrashReport } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

const SLOT_BYTES = 65_536;
/** The beginning of a response entry. Its slot is the one beside the announcement. */
const tornEntry = `codex-pool-journal/1 2 6000 ${'0'.repeat(64)}\n{"unsaved":{"accessToken":"${'~'.repeat(2_000)}`;

/**
 * Leaves a torn entry in the journal of an account, as a power loss during a write does. Other accounts may have
 * finished entries, which a power loss does not touch.
 */
async function tearEntry(folder: string, id: string): Promise<void> {
  const name = `${createHash('sha256').update(id).digest('hex').slice(0, 32)}.journal`;
  const path = join(folder, name);
  const bytes = await readFile(path);
  expect(bytes.some((it) => it !== 0)).toBe(true);
  const isFirstSlotUsed = bytes.subarray(0, SLOT_BYTES).some((it) => it !== 0);
  bytes.write(tornEntry, isFirstSlotUsed ? SLOT_BYTES : 0);
  await writeFile(path, bytes);
}

it('a response torn in the journal leaves the refresh in doubt, not undone', async () => {
  const report = new CrashReport('torn journal');
  await using harness = await CrashHarness.create(
    ['a', 'b'],
    await buildProgram(),
    report,
    new SeededRandom(1),
  );
  const doomed = harness.start('traced', { step: 'answered', account: 'b' });
  await using _doomed = doomed.child;
  expect((await doomed.child.ended).signal).toBe('SIGKILL');
  await harness.examine(doomed, false);
  const { accountId, userId } = harness.fakeUpstream.account('b');
  await tearEntry(harness.journalFolder, `${accountId}:${userId}`);
  const next = harness.start('plain');
  await using _next = next.child;
  const origin = await next.origin();
  const load = new TurnLoad(next, origin, 2);
  await harness.verify(next, origin, load);
  load.stop();
  await load.ended();
  harness.checkFaults(load);
});
