import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { ALMOST, fileOf, LONG_SECONDS, newest } from '../../support/pool/held-refresh.js';
import { canMount } from '../../support/disk/small-disk.js';

const run = promisify(execFile);

it.skipIf(!canMount())(
  'writes new tokens into a single file that is mounted, as into a container',
  async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    const outside = join(pool.folder, 'outside.json');
    // Longer than the new text, of which no old remainder may follow.
    const padded = JSON.stringify({ ...(await pool.readAuth('a')), note: 'mine' }, null, 40);
    await writeFile(outside, padded, { mode: 0o600 });
    await run('mount', ['--bind', outside, fileOf(pool, 'a')]);
    try {
      clock.advance(ALMOST);
      pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
      await pool.turn().expect(200);
      const written = JSON.parse(await readFile(outside, 'utf8'));
      expect(written).toMatchObject({ note: 'mine', tokens: newest(pool) });
      expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
    } finally {
      await run('umount', [fileOf(pool, 'a')]);
    }
  },
);
