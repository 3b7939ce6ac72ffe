import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newLogin, PROBLEM } from '../../support/pool/admin.js';
import { polled } from '../../support/pool/first-poll.js';
import { arrival, begin, stateOf } from '../../support/pool/logging-in.js';
import { TestPool } from '../../support/pool/pool.js';

const poolOf = ({ folder }: TestPool): string => join(folder, 'pool');

/** Puts a plain file in place of a folder of the pool. */
async function replace(pool: TestPool, name: string): Promise<void> {
  const path = join(poolOf(pool), name);
  await rm(path, { recursive: true, force: true });
  await writeFile(path, 'a plain file');
}

async function started(): Promise<TestPool> {
  const pool = await TestPool.start({ accounts: ['a', 'b'], loginPorts: [0] });
  await polled(pool);
  return pool;
}

/** Checks that nothing counted as a fault of the program. */
async function expectNoFault(pool: TestPool): Promise<void> {
  const { body } = await pool.client.get('/healthz');
  expect(body.details.faults).toMatchObject({ status: 'up', total: 0 });
  expect(pool.logger.lines.filter((line) => line.includes('fault inside the proxy'))).toEqual([]);
}

const unusable = (code: string) => ({ status: 503, code, detail: expect.stringMatching(/\(E[A-Z]+/) });

async function problem(
  response: PromiseLike<{ status: number; headers: Record<string, string>; body: object }>,
) {
  const { status, headers, body } = await response;
  expect(headers['content-type']).toMatch(PROBLEM);
  expect(body).toMatchObject({ status });
  return body;
}

describe('a pool folder that cannot be read', () => {
  it.each<[string, string, (path: string) => Promise<unknown>]>([
    ['is a plain file', 'not_a_folder', (path) => writeFile(path, '')],
    ['is a link to itself', 'pool_unusable', (path) => symlink(path, path)],
  ])('since it %s is a problem of each action that needs it', async (_why, code, spoil) => {
    await using pool = await started();
    const login = await begin(pool, 'browser');
    await rm(poolOf(pool), { recursive: true });
    await spoil(poolOf(pool));
    const { client } = pool;
    expect(await problem(client.post('/admin/reload'))).toMatchObject(unusable(code));
    expect(await problem(client.delete('/admin/accounts/a'))).toMatchObject(unusable(code));
    const added = await problem(client.post('/admin/accounts').send(newLogin(pool, 'n')));
    expect(added).toMatchObject(unusable('not_written'));
    await arrival(pool.fakeUpstream.authorization.allow(login.url, 'n'));
    expect(await stateOf(pool, login.id)).toMatchObject({
      state: 'failed',
      code: 'not_saved',
      message: expect.stringMatching(/\(E[A-Z]+/),
    });
    // These need no folder. New tokens stay in the journal or in memory.
    await client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    expect((await client.post('/admin/accounts/a/refresh').expect(200)).body.warnings).toEqual([
      expect.stringContaining('cannot be written'),
    ]);
    await client.patch('/admin/accounts/a').send({ paused: false }).expect(200);
    await pool.turn().expect(200);
    await expectNoFault(pool);
  });
});

describe('a plain file', () => {
  it('named .removed is a problem of a deletion, which changes nothing', async () => {
    await using pool = await started();
    await replace(pool, '.removed');
    const before = await pool.readAuth('a');
    const body = await problem(pool.client.delete('/admin/accounts/a'));
    expect(body).toMatchObject(unusable('not_a_folder'));
    expect(body).toMatchObject({ detail: expect.stringContaining('.removed') });
    expect(await pool.readAuth('a')).toEqual(before);
    expect(await pool.account('a')).toMatchObject({ available: true });
    await pool.client.post('/admin/accounts').send(newLogin(pool, 'n')).expect(201);
    await pool.client.post('/admin/reload').expect(200);
    await rm(join(poolOf(pool), '.removed'));
    await pool.client.delete('/admin/accounts/a').expect(200);
    await expectNoFault(pool);
  });

  it('named .journal stops nothing', async () => {
    await using pool = await started();
    await replace(pool, '.journal');
    await pool.client.post('/admin/accounts/a/refresh').expect(200);
    expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
    const text = await readFile(join(poolOf(pool), 'a.json'), 'utf8');
    expect(text).toContain(pool.fakeUpstream.account('a').authJson().tokens.refresh_token);
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    await pool.client.post('/admin/accounts').send(newLogin(pool, 'n')).expect(201);
    await pool.client.delete('/admin/accounts/a').expect(200);
    await pool.client.post('/admin/reload').expect(200);
    await expectNoFault(pool);
  });

  it('in place of both journals and a folder in place of a credential stop nothing either', async () => {
    await using pool = await started();
    await replace(pool, '.journal');
    await rm(join(pool.folder, 'data', '.journal'), { recursive: true, force: true });
    await writeFile(join(pool.folder, 'data', '.journal'), '');
    await rm(join(poolOf(pool), 'b.json'));
    await mkdir(join(poolOf(pool), 'b.json'));
    await pool.client.post('/admin/accounts/a/refresh').expect(200);
    await pool.client.post('/admin/accounts/b/refresh').expect(200);
    await pool.client.post('/admin/reload').expect(200);
    expect(
      await problem(pool.client.post('/admin/accounts').send({ name: 'b', auth: newLogin(pool, 'n') })),
    ).toMatchObject({ status: 409, code: 'name_taken' });
    await pool.client.delete('/admin/accounts/b').expect(200);
    await expectNoFault(pool);
  });
});
