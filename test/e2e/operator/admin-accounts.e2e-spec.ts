import { lstat, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { delta } from '../../../src/fake-upstream/script/turn-events.js';
import { expectNoSecrets, newLogin, poolFiles, PROBLEM, servedBy } from '../../support/pool/admin.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send, turnWith } from '../../support/clients/raw-http.js';
import { newest, refreshing } from '../../support/pool/held-refresh.js';

describe('PATCH /admin/accounts/{name}', () => {
  it('keeps settings across a restart, and writes none of them to Codex’s file', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const before = await poolFiles(pool);
    const settings = { paused: true, label: 'mine', priority: 5, reserve: 0.25, maxInFlight: 3 };
    const response = await pool.client.patch('/admin/accounts/a').send(settings).expect(200);
    expect(response.body).toMatchObject({ name: 'a', ...settings, available: false, reason: 'paused' });
    await pool.client.patch('/admin/accounts/a').send({ label: null }).expect(200);
    expect(await poolFiles(pool)).toEqual(before);
    await using again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ ...settings, label: null, reason: 'paused' });
  });

  it('pauses an account for new turns only', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    await turn.started;
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    expect((await pool.client.get('/readyz').expect(503)).body.accounts).toEqual([
      { name: 'a', reason: 'paused', until: null },
      { name: 'b', reason: 'paused', until: null },
    ]);
    await pool.client.patch('/admin/accounts/b').send({ paused: false }).expect(200);
    expect(await servedBy(pool)).toBe('b');
    turn.send(delta('out'));
    turn.end();
    expect((await client.whole()).body.toString()).toContain('"delta":"out"');
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    await pool.client.patch('/admin/accounts/a').send({ paused: false }).expect(200);
    expect(await servedBy(pool)).toBe('a');
  });

  it.each([
    ['reserve', { reserve: 2 }],
    ['labell', { labell: 'x' }],
    ['maxInFlight', { maxInFlight: 0 }],
  ])('refuses a bad %s and changes nothing', async (field, body) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const response = await pool.client
      .patch('/admin/accounts/a')
      .send({ priority: 7, ...body })
      .expect(400);
    expect(response.headers['content-type']).toMatch(PROBLEM);
    expect(response.body.detail).toContain(field);
    expect(await pool.account('a')).toMatchObject({ priority: 0 });
  });
});

describe('DELETE /admin/accounts/{name}', () => {
  it('moves the file away, and the settings come back with the same account', async () => {
    await using pool = await TestPool.start();
    const login = await pool.readAuth('a');
    await pool.client.patch('/admin/accounts/a').send({ label: 'mine', priority: 2 }).expect(200);
    const { body } = await pool.client.delete('/admin/accounts/a').expect(200);
    expect(body).toEqual({
      name: 'a',
      movedTo: expect.stringMatching(/[\\/]pool[\\/]\.removed[\\/]a-\d{4}-\d\d-\d\dT[^:]*Z\.json$/),
    });
    expect(JSON.parse(await readFile(body.movedTo, 'utf8'))).toEqual(login);
    expect((await stat(body.movedTo)).mode & 0o777).toBe(0o600);
    await pool.client.get('/admin/accounts/a').expect(404);
    expect(await servedBy(pool)).toBe('b');
    await pool.client.post('/admin/accounts').send({ name: 'again', auth: login }).expect(201);
    expect(await pool.account('again')).toMatchObject({ label: 'mine', priority: 2, available: true });
  });

  it('works for a broken file', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'a b.json': '{' } });
    await pool.client.get('/admin/accounts/a%20b').expect(200);
    const { body } = await pool.client.delete('/admin/accounts/a%20b').expect(200);
    expect(await readFile(body.movedTo, 'utf8')).toBe('{');
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json']);
  });

  it('moves only the link if the file is a link', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const file = join(pool.folder, 'auth.json');
    const link = join(pool.folder, 'pool', 'linked.json');
    await writeFile(file, JSON.stringify(newLogin(pool, 'linked')), { mode: 0o600 });
    await symlink(file, link);
    await pool.client.post('/admin/reload').expect(200);
    const { body } = await pool.client.delete('/admin/accounts/linked').expect(200);
    expect((await lstat(body.movedTo)).isSymbolicLink()).toBe(true);
    expect((await lstat(file)).isFile()).toBe(true);
  });

  it('lets a turn in flight continue', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    await turn.started;
    await pool.client.delete('/admin/accounts/a').expect(200);
    await pool.turn().expect(503);
    turn.send(delta('out'));
    turn.end();
    expect((await client.whole()).body.toString()).toContain('"delta":"out"');
  });

  it('waits for a refresh in progress, whose tokens move with the file', async () => {
    const { pool, held, turn } = await refreshing();
    await using _it = pool;
    const removal = pool.client.delete('/admin/accounts/a').then((response) => response.body.movedTo);
    for (const _look of [1, 2, 3]) await pool.client.get('/admin/accounts').expect(200);
    held.release();
    expect(JSON.parse(await readFile(await removal, 'utf8')).tokens).toMatchObject(newest(pool));
    expect((await turn).status).toBe(200);
  });

  it('reports that the file is already gone', async () => {
    await using pool = await TestPool.start();
    await rm(join(pool.folder, 'pool', 'a.json'));
    const response = await pool.client.delete('/admin/accounts/a').expect(404);
    expect(response.headers['content-type']).toMatch(PROBLEM);
    expect((await pool.client.get('/admin/accounts')).body).toEqual([expect.objectContaining({ name: 'b' })]);
  });
});

describe('POST /admin/accounts/{name}/refresh', () => {
  it('refreshes a token that is not due', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const before = await pool.readAuth('a');
    const response = await pool.client.post('/admin/accounts/a/refresh').expect(200);
    expect(response.body).toMatchObject({ name: 'a', available: true, refresh: 'idle' });
    const after = await pool.readAuth('a');
    expect(after.tokens.refresh_token).not.toBe(before.tokens.refresh_token);
    expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
    expectNoSecrets(pool, [before, after], response.body);
  });

  it('reports that a login is needed', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').revokeRefreshToken();
    const response = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(409)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({ code: 'needs_login' });
    expectNoSecrets(pool, [await pool.readAuth('a')], response.body);
  });

  it('reports that the token endpoint failed, and works once it is back', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.tokens.answers('html');
    const response = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(502)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({ code: 'refresh_failed' });
    await pool.client.post('/admin/accounts/a/refresh').expect(200);
  });

  it('refreshes nothing when refreshes are switched off', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_DISABLE_REFRESH: '1' } });
    const response = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(409)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({ code: 'refresh_disabled' });
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });
});

describe('POST /admin/accounts/{name}/reset', () => {
  it('makes an account in a cooldown serve again', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').answers(rateLimit(300));
    await pool.turn();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'rate-limited' });
    const response = await pool.client.post('/admin/accounts/a/reset').expect(200);
    expect(response.body).toMatchObject({ name: 'a', available: true, reason: null, until: null });
    expect(await servedBy(pool)).toBe('a');
  });
});

describe('POST /admin/accounts/{name}/poll', () => {
  it('polls the quota immediately', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').usage({ usedPercent: 61, windowSeconds: 18_000 });
    const response = await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(response.body.windows).toEqual([
      expect.objectContaining({ durationSeconds: 18_000, usedRatio: 0.61 }),
    ]);
  });

  it.each<[string, number, object | string]>([
    ['an error', 500, {}],
    ['a page', 200, '<html>'],
    ['nothing about usage', 200, []],
  ])('reports that upstream responds with %s', async (_case, status, body) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').usageResponses(status, body);
    const response = await pool.client
      .post('/admin/accounts/a/poll')
      .expect(502)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({ code: 'poll_failed' });
    expect((await pool.account('a')).windows).toHaveLength(2);
  });
});

describe('a name that no account has', () => {
  it.each<['get' | 'patch' | 'post' | 'delete', string, number]>([
    ['get', '/admin/accounts/unknown', 404],
    ['get', '/admin/accounts/unknown/quota', 404],
    ['patch', '/admin/accounts/unknown', 404],
    ['delete', '/admin/accounts/unknown', 404],
    ['post', '/admin/accounts/unknown/refresh', 404],
    ['post', '/admin/accounts/unknown/reset', 404],
    ['post', '/admin/accounts/unknown/poll', 404],
    ['patch', '/admin/accounts/broken', 404],
    ['post', '/admin/accounts/broken/poll', 404],
    ['delete', '/admin/accounts/..%2fdata%2fproxy', 400],
    ['delete', '/admin/accounts/.removed', 400],
  ])('is a problem in JSON: %s %s', async (method, path, status) => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'broken.json': '{' } });
    const response = await pool.client[method](path).expect(status);
    expect(response.headers['content-type']).toMatch(/json/);
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json', 'broken.json']);
  });
});
