import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { faultKinds } from './fault-mix.js';
import { Storm } from './storm.js';

/** `STORM_SEED` gives the same faults again (the machine's own timing it cannot give again), `STORM_TURNS` their number. */
const seed = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31));
const turns = Number(process.env['STORM_TURNS'] ?? 5_000);
/** So many turns meet every fault. */
const ENOUGH_TURNS = 3_000;

describe('a storm of faults', () => {
  it('fails no turn that an account could have served, runs none twice, and leaves sessions where they are', async () => {
    const title = `storm with STORM_SEED=${seed}, ${turns} turns`;
    await using storm = await Storm.start({ title, seed, turns, times: { limitMs: [1_000, 2_000] } });
    await storm.rage();
    await storm.end();
    process.stdout.write(`${storm.toString()}\n`);
    expect(storm.report.stories.join('\n\n')).toBe('');
    expect(storm.report.hasBreach).toBe(false);
    expect(storm.report.turns.of('served')).toBeGreaterThan(turns * 0.9);
    if (turns < ENOUGH_TURNS) return;
    expect(faultKinds.filter((it) => !storm.oracle.faults.has(it))).toEqual([]);
    expect(storm.judge.affinityChecks).toBeGreaterThan(turns / 5);
  });
});
