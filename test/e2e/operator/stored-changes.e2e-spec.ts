import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { OtherProgram } from '../../support/disk/database-process.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { databaseDrivers, using } from '../../support/program/database-drivers.js';

const notStored = expect.stringMatching(/^The change is in force, but not stored yet: .*/);

describe.each(databaseDrivers)('a change of an account (%s)', { timeout: 30_000 }, (driver) => {
  const start = async () => {
    const pool = await TestPool.start({ accounts: ['a', 'b'], env: using(driver) });
    await polled(pool);
    return pool;
  };

  it('says that it is stored, and is: it survives a kill', async () => {
    await using pool = await start();
    const { body } = await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    expect(body).toMatchObject({ paused: true, persisted: true, warnings: [] });
    // Another program reads what is on disk now, as it would be after a kill.
    await using other = await OtherProgram.open(join(pool.folder, 'data', 'proxy.db'));
    await other.run(
      'CREATE TEMP TABLE proof (n CHECK (n = 1)); INSERT INTO proof SELECT count(*) FROM account_settings WHERE is_paused = 1',
    );
    const again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ paused: true });
    await again.running.stop();
  });

  it('says that the database did not take it, is in force, and is stored later', async () => {
    await using pool = await start();
    const data = join(pool.folder, 'data');
    await rename(data, `${data}.aside`);
    await writeFile(data, 'a plain file');
    const { body } = await pool.client
      .patch('/admin/accounts/a')
      .send({ paused: true, label: 'x' })
      .expect(200);
    expect(body).toMatchObject({ paused: true, label: 'x', persisted: false, warnings: [notStored] });
    const { headers } = await pool.turn().expect(200);
    expect(headers['x-codex-pool-account']).toBe('b');
    const reset = await pool.client.post('/admin/accounts/b/reset').expect(200);
    expect(reset.body).toMatchObject({ persisted: false, warnings: [notStored] });
    // Only the response to the change speaks of it.
    expect(await pool.account('a')).toMatchObject({ paused: true, warnings: [] });
    await rm(data);
    await rename(`${data}.aside`, data);
    const after = await pool.client.patch('/admin/accounts/a').send({}).expect(200);
    expect(after.body).toMatchObject({ persisted: true, warnings: [] });
    const again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ paused: true, label: 'x' });
    await again.running.stop();
  });

  it('does not wait long for a locked database', async () => {
    await using pool = await start();
    {
      await using other = await OtherProgram.open(join(pool.folder, 'data', 'proxy.db'));
      await other.run('BEGIN EXCLUSIVE');
      const startedAt = performance.now();
      const { body } = await pool.client.patch('/admin/accounts/a').send({ priority: 7 }).expect(200);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(body).toMatchObject({ priority: 7, persisted: false, warnings: [notStored] });
      await other.run('ROLLBACK');
    }
    const { body } = await pool.client.patch('/admin/accounts/a').send({ priority: 7 }).expect(200);
    expect(body).toMatchObject({ persisted: true });
  });
});
