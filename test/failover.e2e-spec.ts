import { describe, expect, it } from 'vitest';
import { streams } from '../src/stand-in/answers.js';
import { usageLimit } from '../src/stand-in/refusals.js';
import { TestPool } from './support/pool.js';

describe('failover', () => {
  it('serves the next account when the first is at its usage limit', async () => {
    await using pool = await TestPool.start();
    const resetsAt = Math.floor(Date.now() / 1_000) + 3_600;
    pool.standIn.account('a').answers(usageLimit({ resetsAt }));
    const answer = await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(answer.body).toContain('response.completed');
    expect(answer.headers['x-codex-pool-account']).toBe('b');
    expect(pool.standIn.attempts()).toEqual(['a', 'b']);
    const a = await pool.account('a');
    expect(a).toMatchObject({ available: false, reason: 'quota-exhausted', until: resetsAt * 1_000 });
  });

  it('streams', async () => {
    await using pool = await TestPool.start();
    pool.standIn.account('a').answers(streams({ deltas: ['hel', 'lo'] }));
    const answer = await pool.turn().expect(200);
    expect(answer.body).toContain('"delta":"hel"');
    expect(await pool.account('a')).toMatchObject({
      totals: { input: 100, cached: 40, output: 12, reasoning: 4, turns: 1 },
    });
  });
});
