import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { growthBetween } from './growth.js';
import type { ProgramFigures } from './program-figures.js';
import { Soak } from './soak.js';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 3);
const seed = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 31));
/** Share of the time before the first measurement: code is compiled, tables with a fixed size fill. */
const WARM_UP_RATIO = 0.3;

/** The source of the pages' events, and its listeners. */
function listenersIn({ heap }: ProgramFigures): Record<string, number> {
  return Object.fromEntries(['LiveEvents', 'EventListener'].map((it) => [it, heap.classes.get(it) ?? 0]));
}

describe('the program under everything at once', () => {
  it('serves every turn, and afterwards holds what it held before', async () => {
    process.stdout.write(`soak of ${minutes} minutes (SOAK_MINUTES), SOAK_SEED=${seed}\n`);
    await using soak = await Soak.start(seed);
    await soak.run(minutes * 60 * WARM_UP_RATIO);
    const before = await soak.measure();
    await soak.run(minutes * 60 * (1 - WARM_UP_RATIO));
    let after = await soak.measure();
    let growth = growthBetween(before, after);
    // A token may be refreshed in the background just now. A leak is still there at a second look.
    if (growth.leaks.length > 0) {
      after = await soak.measure();
      growth = growthBetween(before, after);
    }
    process.stdout.write(`  ${soak.tally.toString()}\n${growth.report}\n`);
    expect.soft(soak.tally.failures).toEqual([]);
    expect.soft(soak.fakeUpstream.tokens.reuses, 'refresh tokens used twice').toBe(0);
    expect.soft(growth.leaks).toEqual([]);
    expect.soft(listenersIn(before), 'pages, at rest').toEqual({ LiveEvents: 1, EventListener: 0 });
    expect.soft(listenersIn(after), 'pages, at rest').toEqual({ LiveEvents: 1, EventListener: 0 });
  });
});
