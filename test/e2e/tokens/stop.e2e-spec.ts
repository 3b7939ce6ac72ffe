import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { newest, refreshing } from '../../support/pool/held-refresh.js';
import { Program } from '../../support/program/child-process.js';

describe('a stop', { timeout: 30_000 }, () => {
  it('begins no refresh after the wait for running ones', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const tokens = pool.running.app.get(TokenService);
    const id = pool.registry.list()[0]?.id ?? '';
    await pool.running.stop();
    await expect(tokens.refreshNow(id)).rejects.toThrow('the program is stopping');
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });

  it('waits for a refresh, and for the file with its tokens', async () => {
    const { pool, held } = await refreshing();
    await using _pool = pool;
    const closed = pool.running.stop();
    held.release();
    await closed;
    expect((await pool.readAuth('a')).tokens.refresh_token).toBe(newest(pool).refresh_token);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s during the start lets it start, then ends it in order',
    async (signal) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      await using program = await Program.spawn({ fakeUpstream, accounts: ['a'] });
      await program.child.until(({ stdout }) => stdout.includes('database driver') || null, 'the start');
      program.child.kill(signal);
      expect(await program.child.ended).toEqual({ code: 0, signal: null });
      expect(program.child.stdout).toContain('stopping');
    },
  );
});
