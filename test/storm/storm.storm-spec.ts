import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { faultKinds } from './fault-mix.js';
import { Storm } from './storm.js';
import { CLOSED_IDLE } from './storm-sockets.js';

/** `STORM_SEED` repeats the faults of a run, though not its timing. `STORM_TURNS` is the number of turns. */
const seed = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31));
const turns = Number(process.env['STORM_TURNS'] ?? 5_000);
/** This many turns meet every fault. */
const ENOUGH_TURNS = 3_000;

describe('a storm of faults', () => {
  it('fails no turn while an account is available, runs none twice, and keeps sessions on their accounts', async () => {
    const title = `storm with STORM_SEED=${seed}, ${turns} turns`;
    await using storm = await Storm.start({ title, seed, turns, times: { limitMs: [1_000, 2_000] } });
    await storm.run();
    await storm.finish();
    process.stdout.write(`${storm.toString()}\n`);
    expect(storm.report.details.join('\n\n')).toBe('');
    expect(storm.report.hasBreach).toBe(false);
    expect(storm.sockets.counts.of(CLOSED_IDLE)).toBe(0);
    expect(storm.report.turns.of('served')).toBeGreaterThan(turns * 0.9);
    if (turns < ENOUGH_TURNS) return;
    const replies = [...faultKinds, 'silent', 'rejected after output'];
    expect(replies.filter((it) => !storm.upstream.faults.has(it))).toEqual([]);
    expect(storm.judge.affinityChecks).toBeGreaterThan(turns / 5);
    expect(storm.sockets.counts.of('whole turns')).toBeGreaterThan(turns / 6);
    expect(storm.sockets.counts.of('continuations')).toBeGreaterThan(turns / 40);
    expect(storm.images.counts.of('served')).toBeGreaterThan(turns / 100);
    expect(storm.blameChecks).toBeGreaterThan(500);
  });
});
