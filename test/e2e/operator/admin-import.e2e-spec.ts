import { readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLACEHOLDER_PREFIX } from '../../../src/tokens/credential-file/other-login.js';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';
import {
  expectNoSecrets,
  loginOf,
  newLogin,
  poolFiles,
  PROBLEM,
  servedBy,
} from '../../support/pool/admin.js';
import { HOUR } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';

describe('POST /admin/accounts', () => {
  it('imports an auth.json, and its account is usable at once', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const login = newLogin(pool, 'new');
    const response = await pool.client.post('/admin/accounts').send(login).expect(201);
    expect(response.body).toEqual([{ name: 'account-1', result: 'added' }]);
    expect(await servedBy(pool)).toBe('account-1');
    expect(await pool.readAuth('account-1')).toEqual(login);
    expect((await stat(join(pool.folder, 'pool', 'account-1.json'))).mode & 0o777).toBe(0o600);
    expectNoSecrets(pool, [login], response.body, response.headers);
  });

  it('of more than 100 entries is refused as a whole, at once and in a short response', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const zeros = `[${'0,'.repeat(520_000 - 1)}0]`;
    const refused = await pool.client
      .post('/admin/accounts')
      .set('content-type', 'application/json')
      .send(zeros)
      .expect(400)
      .expect('content-type', PROBLEM);
    expect(refused.body).toMatchObject({ code: 'too_many_accounts' });
    expect(refused.text.length).toBeLessThan(1_000);
    const logins = Array.from({ length: 101 }, (_, index) => newLogin(pool, `n${index}`));
    await pool.client.post('/admin/accounts').send(logins).expect(400);
    expect(await poolFiles(pool)).toEqual({});
    const { body } = await pool.client.post('/admin/accounts').send(logins.slice(1)).expect(201);
    expect(body).toHaveLength(100);
  });

  it('repeats only the beginning of a bad name', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const { text } = await pool.client
      .post('/admin/accounts')
      .send([{ name: 'n'.repeat(900_000), auth: newLogin(pool, 'x') }, newLogin(pool, 'y')]);
    expect(text).toContain('nnn');
    expect(text.length).toBeLessThan(2_000);
  });

  it('takes its name from the request, or else the first free name', async () => {
    await using pool = await TestPool.start({ accounts: ['account-1'], files: { 'account-2.json': '{' } });
    const named = { name: 'work.mine', auth: newLogin(pool, 'one') };
    expect((await pool.client.post('/admin/accounts').send(named).expect(201)).body).toEqual([
      { name: 'work.mine', result: 'added' },
    ]);
    const unnamed = { name: null, auth: newLogin(pool, 'two') };
    expect((await pool.client.post('/admin/accounts').send(unnamed).expect(201)).body).toEqual([
      { name: 'account-3', result: 'added' },
    ]);
  });

  it('updates an existing account under its own name, and keeps the other fields of its file', async () => {
    const extra = { mine: { kept: true } };
    await using pool = await TestPool.start({
      accounts: ['a'],
      authJson: (_name, json) => ({ ...extra, ...json, OPENAI_API_KEY: 'sk-made-up' }),
    });
    const before = await pool.readAuth('a');
    const login = pool.fakeUpstream.account('a').loginAgain();
    const response = await pool.client
      .post('/admin/accounts')
      .send({ name: 'other', auth: login })
      .expect(201);
    expect(response.body).toEqual([{ name: 'a', result: 'renewed' }]);
    const after = await pool.readAuth('a');
    expect(after).toEqual({ ...extra, ...login, OPENAI_API_KEY: 'sk-made-up' });
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json']);
    expect(await servedBy(pool)).toBe('a');
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );
  });

  it('follows a symbolic link and leaves it in place', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const file = join(pool.folder, 'auth.json');
    const link = join(pool.folder, 'pool', 'a.json');
    await writeFile(file, await readFile(link, 'utf8'), { mode: 0o600 });
    await rm(link);
    await symlink(file, link);
    await pool.client.post('/admin/reload').expect(200);
    const login = pool.fakeUpstream.account('a').loginAgain();
    await pool.client.post('/admin/accounts').send(login).expect(201);
    expect(await readlink(link)).toBe(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(login);
  });

  it('makes an account that needed a login usable again, even with an older login', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const older = loginOf(pool, 'a', Date.now() - HOUR);
    pool.fakeUpstream.account('a').revokeRefreshToken().expireAccessToken();
    await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ reason: 'needs-login' });
    const same = await pool.client
      .post('/admin/accounts')
      .send(await pool.readAuth('a'))
      .expect(409);
    expect(same.body).toMatchObject({ code: 'spent_tokens' });
    await pool.client.post('/admin/accounts').send(older).expect(201);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
    await pool.client.post('/admin/accounts').send(pool.fakeUpstream.account('a').loginAgain()).expect(201);
    expect(await servedBy(pool)).toBe('a');
  });

  it('imports several, each separately', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const logins = [newLogin(pool, 'one'), newLogin(pool, 'two')];
    const { refresh_token: _gone, ...halfTokens } = newLogin(pool, 'half').tokens;
    const body = [logins[0], { name: 'bad', auth: { tokens: halfTokens } }, { name: 'two', auth: logins[1] }];
    const response = await pool.client.post('/admin/accounts').send(body).expect(207);
    expect(response.body).toEqual([
      { name: 'account-1', result: 'added' },
      { name: 'bad', result: 'refused', code: 'no_refresh_token', detail: expect.any(String) },
      { name: 'two', result: 'added' },
    ]);
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json', 'account-1.json', 'two.json']);
    const again = await pool.client.post('/admin/accounts').send(logins).expect(201);
    expect(again.body).toEqual([
      { name: 'account-1', result: 'renewed' },
      { name: 'two', result: 'renewed' },
    ]);
    expectNoSecrets(pool, logins, response.body, again.body);
  });

  it('imports two accounts at the same time as two, and the same account as one', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const logins = [newLogin(pool, 'one'), newLogin(pool, 'two')];
    const responses = await Promise.all(
      [...logins, ...logins].map((it) => pool.client.post('/admin/accounts').send(it).expect(201)),
    );
    const results = responses.map((it) => `${it.body[0].name} ${it.body[0].result}`).toSorted();
    expect(results).toEqual(['account-1 added', 'account-1 renewed', 'account-2 added', 'account-2 renewed']);
    expect(Object.keys(await poolFiles(pool))).toEqual(['account-1.json', 'account-2.json']);
  });

  it.each<[string, number, string, (pool: TestPool, login: AuthJson) => unknown]>([
    ['without tokens', 422, 'no_tokens', () => ({ OPENAI_API_KEY: null, tokens: null })],
    ['with nothing in it', 422, 'no_tokens', () => ({})],
    ['with only an API key', 422, 'api_key_only', () => ({ OPENAI_API_KEY: 'sk-made-up' })],
    ['of another shape', 422, 'not_auth_json', () => ({ tokens: 'rt_made-up' })],
    [
      'without a refresh token',
      422,
      'no_refresh_token',
      (_pool, it) => ({ ...it, tokens: { ...it.tokens, refresh_token: '' } }),
    ],
    [
      'that names no account',
      422,
      'no_account',
      () => ({ tokens: { access_token: 'opaque', refresh_token: 'rt_made-up' } }),
    ],
    [
      'that contradicts itself',
      422,
      'contradictory_account',
      (_pool, it) => ({ ...it, tokens: { ...it.tokens, account_id: 'acct-other' } }),
    ],
    [
      'of a placeholder login',
      422,
      'placeholder_login',
      (_pool, it) => ({ ...it, tokens: { ...it.tokens, account_id: `${PLACEHOLDER_PREFIX}x` } }),
    ],
    ['with a name that is a path', 400, 'bad_name', (_pool, auth) => ({ name: '../evil', auth })],
    ['with a name of a hidden file', 400, 'bad_name', (_pool, auth) => ({ name: '.evil', auth })],
    ['with an empty name', 400, 'bad_name', (_pool, auth) => ({ name: '', auth })],
    ['with a name of the wrong type', 400, 'bad_name', (_pool, auth) => ({ name: 7, auth })],
    ['under the name of another account', 409, 'name_taken', (_pool, auth) => ({ name: 'a', auth })],
    ['under the name of a broken file', 409, 'name_taken', (_pool, auth) => ({ name: 'broken', auth })],
    ['with older tokens', 409, 'older_tokens', (pool) => loginOf(pool, 'a', Date.now() - HOUR)],
    ['in a list of lists', 422, 'not_auth_json', (_pool, it) => [[it]]],
    ['of nothing at all, twice', 422, 'import_refused', () => [{}, 'x']],
    ['of nothing at all', 400, 'nothing_to_import', () => []],
  ])('rejects one %s, and changes nothing', async (_case, status, code, bodyOf) => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'broken.json': '{' } });
    const before = await poolFiles(pool);
    const login = newLogin(pool, 'new');
    const response = await pool.client
      .post('/admin/accounts')
      .set('content-type', 'application/json')
      .send(JSON.stringify(bodyOf(pool, login)))
      .expect(status)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(await poolFiles(pool)).toEqual(before);
    expect((await pool.client.get('/admin/accounts')).body).toHaveLength(2);
    expectNoSecrets(pool, [login], response.body);
  });

  it('reports that a file cannot be written, and leaves none behind', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const login = newLogin(pool, 'new');
    await rm(join(pool.folder, 'pool'), { recursive: true });
    await writeFile(join(pool.folder, 'pool'), 'no folder');
    const response = await pool.client
      .post('/admin/accounts')
      .send(login)
      .expect(503)
      .expect('content-type', PROBLEM);
    expect(response.body).toMatchObject({ code: 'not_written' });
    expectNoSecrets(pool, [login], response.body);
  });
});

describe('the body of an operator’s request', () => {
  const cut = '{"tokens":{"access_token":"canary-token';

  it.each<[string, number, string, Record<string, string>, string | Buffer]>([
    ['cut off', 400, 'bad_json', {}, cut],
    ['not JSON', 400, 'bad_json', {}, 'canary-token'],
    ['a JSON text', 400, 'bad_json', {}, '"canary-token"'],
    ['over 1 MiB', 413, 'too_large', {}, JSON.stringify({ tokens: 'canary-token'.repeat(90_000) })],
    ['of another type', 415, 'not_json', { 'content-type': 'text/plain' }, cut],
    ['a form', 415, 'not_json', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=canary-token'],
    ['in an unknown encoding', 415, 'not_json', { 'content-encoding': 'canary-token' }, cut],
    [
      'in an unknown charset',
      415,
      'not_json',
      { 'content-type': 'application/json; charset=canary-token' },
      cut,
    ],
    ['not compressed as it says', 400, 'bad_json', { 'content-encoding': 'gzip' }, cut],
    [
      'nested without end',
      422,
      'not_auth_json',
      {},
      `{"tokens":${'['.repeat(300_000)}${']'.repeat(300_000)}}`,
    ],
  ])('is refused when it is %s, and not quoted', async (_case, status, code, headers, body) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const before = await poolFiles(pool);
    for (const [method, path] of [
      ['post', '/admin/accounts'],
      ['patch', '/admin/accounts/a'],
    ] as const) {
      if (method === 'patch' && status === 422) continue;
      const response = await pool.client[method](path)
        .set({ 'content-type': 'application/json', ...headers })
        .send(body)
        .expect(status)
        .expect('content-type', PROBLEM);
      expect(response.body).toMatchObject({ status, code });
      expect(response.text).not.toContain('canary');
    }
    expect(await poolFiles(pool)).toEqual(before);
    expect(pool.logger.lines.join('\n')).not.toContain('canary');
  });

  it('may be missing where it is optional, and is required elsewhere', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await pool.client.post('/admin/reload').expect(200);
    await pool.client.post('/admin/reload').set('content-length', '0').expect(200);
    const imported = await pool.client.post('/admin/accounts').expect(400).expect('content-type', PROBLEM);
    expect(imported.body.detail).toMatch(/auth\.json/);
    const set = await pool.client.patch('/admin/accounts/a').expect(400).expect('content-type', PROBLEM);
    expect(set.body.detail).toMatch(/paused/);
  });

  it('is not read from a client without access', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_ADMIN_TOKEN: 'made-up-token' } });
    const login = newLogin(pool, 'new');
    await pool.client.post('/admin/accounts').send(login).expect(401);
    await pool.client.post('/admin/accounts').set('origin', 'https://evil.example').send(login).expect(403);
    await pool.client.delete('/admin/accounts/a').expect(401);
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(401);
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json']);
    await pool.client
      .post('/admin/accounts')
      .set('authorization', 'Bearer made-up-token')
      .send(login)
      .expect(201);
  });
});
