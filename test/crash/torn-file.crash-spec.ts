import { link, readFile, stat, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/program/child-process.js';
import { CrashHarness } from './crash-harness.js';
import { CrashReport } from './crash-report.js';
import { SeededRandom } from '../support/seeded-random.js';
import { TurnLoad } from './turn-load.js';

/** The share of the new text that reached the file. */
const shares = [0.01, 0.3, 0.6, 0.9, 1];

it.concurrent.each(shares)(
  'a file with a hard link, killed with %d of its new text written, is completed from the journal',
  async (share) => {
    const report = new CrashReport('torn file');
    const random = new SeededRandom(1);
    await using harness = await CrashHarness.create(['a', 'b'], await buildProgram(), report, random);
    const [file, other] = [harness.fileOf('b'), `${harness.fileOf('b')}.codex`];
    const old = `${await readFile(file, 'utf8')}${' '.repeat(2_000)}`;
    await writeFile(file, old);
    await link(file, other);
    const doomed = harness.start('traced', { step: 'written', account: 'b' });
    await using _doomed = doomed.child;
    expect((await doomed.child.ended).signal).toBe('SIGKILL');
    const written = await readFile(file, 'utf8');
    const cut = Math.floor(written.length * share);
    await writeFile(file, written.slice(0, cut) + old.slice(cut)); // as if killed within the write
    await harness.examine(doomed, false);
    const next = harness.start('plain');
    await using _next = next.child;
    const origin = await next.origin();
    const load = new TurnLoad(next, origin, 2);
    await harness.verify(next, origin, load);
    load.stop();
    await load.ended();
    harness.checkFaults(load);
    expect((await stat(file)).ino).toBe((await stat(other)).ino);
  },
);
