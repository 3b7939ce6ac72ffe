import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROBLEM } from '../../support/pool/admin.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const names = [
  'plain-1.2_3',
  'a#b',
  'a;b',
  'a;b=c#d',
  'my work',
  '50%',
  'a%2fb',
  'a%23b',
  'who?',
  'a&b=c+d',
  'grün-日本',
  'x..y',
  "it's (1)",
  'a@example.test',
];

describe('an account', () => {
  it.each(names)('named %j is addressed by percent-encoding', async (name) => {
    await using pool = await TestPool.start({ accounts: [name, 'z'] });
    await polled(pool);
    const path = `/admin/accounts/${encodeURIComponent(name)}`;
    expect((await pool.client.get(path).expect(200)).body).toMatchObject({ name, available: true });
    await pool.client.get(`${path}/quota`).expect(200);
    expect((await pool.client.patch(path).send({ paused: true }).expect(200)).body).toMatchObject({
      name,
      reason: 'paused',
    });
    await pool.client.post(`${path}/refresh`).expect(200);
    expect(pool.fakeUpstream.tokens.requestsFor(name)).toHaveLength(1);
    for (const action of ['reset', 'poll']) await pool.client.post(`${path}/${action}`).expect(200);
    expect((await pool.client.delete(path).expect(200)).body).toMatchObject({ name });
    expect(await readdir(join(pool.folder, 'pool', '.removed'))).toHaveLength(1);
    await pool.client.get(path).expect(404);
  });

  it('is also addressed with more characters encoded than necessary', async () => {
    await using pool = await TestPool.start({ accounts: ['a-b.c'] });
    const { body } = await pool.client.get('/admin/accounts/%61%2Db%2ec').expect(200);
    expect(body).toMatchObject({ name: 'a-b.c' });
  });
});

describe('a name that cannot be that of an account', () => {
  it.each([
    ['a bare semicolon', 'a;b'],
    ['a slash', 'a%2Fb'],
    ['a path upwards', '..%2F..%2Fetc'],
    ['a backslash', 'a%5Cb'],
    ['a leading dot', '%2Ehidden'],
    ['two dots', '%2E%2e'],
    ['a line break', 'a%0Ab'],
    ['a zero byte', 'a%00'],
    ['malformed encoding', 'a%zz'],
    ['half of an encoding', 'a%'],
    ['bytes that are not UTF-8', 'a%ff'],
    ['too many characters', 'a'.repeat(300)],
  ])('with %s is refused with 400', async (_what, segment) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const path = `/admin/accounts/${segment}`;
    const responses = [
      await pool.client.get(path),
      await pool.client.get(`${path}/quota`),
      await pool.client.patch(path).send({ paused: true }),
      await pool.client.delete(path),
      await pool.client.post(`${path}/refresh`),
      await pool.client.post(`${path}/poll`),
    ];
    for (const response of responses) {
      expect(response.headers['content-type']).toMatch(PROBLEM);
      expect(response.body).toMatchObject({ status: 400, code: 'bad_name' });
      expect(response.status).toBe(400);
    }
  });

  it('has the same status in an import, a login and a path', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const auth = pool.fakeUpstream.addAccount({ name: 'n' }).authJson();
    const responses = [
      await pool.client.post('/admin/accounts').send({ name: 'a/b', auth }),
      await pool.client.post('/admin/accounts').send({ name: 7, auth }),
      await pool.client.post('/admin/login/browser').send({ name: 'a/b' }),
      await pool.client.post('/admin/login/device').send({ name: 'a/b' }),
      await pool.client.get('/admin/accounts/a%2Fb'),
    ];
    expect(responses.map((it) => [it.status, it.body.code])).toEqual(responses.map(() => [400, 'bad_name']));
  });

  it('is not that of an account, if a file has it', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const auth = JSON.stringify(pool.fakeUpstream.addAccount({ name: 'n' }).authJson());
    for (const name of ['b\\c', 'b\nc', '.b'])
      await writeFile(join(pool.folder, 'pool', `${name}.json`), auth, { mode: 0o600 });
    await writeFile(Buffer.from(`${pool.folder}/pool/b\u00e9.json`, 'latin1'), auth, { mode: 0o600 });
    await pool.client.post('/admin/reload').expect(200);
    const { body } = await pool.client.get('/admin/accounts').expect(200);
    expect(pool.registry.list().map((it) => it.name)).toEqual(['a']);
    const others = body.filter((it: { name: string }) => it.name !== 'a');
    expect(others.map((it: { name: string }) => it.name)).toEqual(['b\nc', 'b\\c', 'b\ufffd']);
    for (const it of others)
      expect(it).toMatchObject({ available: false, reason: expect.stringContaining('rename the file') });
  });
});
