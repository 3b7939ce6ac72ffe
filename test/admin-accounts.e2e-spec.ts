import { lstat, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STAND_IN_PREFIX } from '../src/client-login.js';
import { controlled } from '../src/stand-in/controlled-turn.js';
import { type AuthJson, madeUpAuthJson, madeUpTokens } from '../src/stand-in/made-up-credentials.js';
import { forbidden } from '../src/stand-in/refusals.js';
import { delta } from '../src/stand-in/turn-events.js';
import { polled } from './support/polled.js';
import { aTurn, TestPool } from './support/pool.js';
import { send, turnWith } from './support/raw-http.js';

const PROBLEM = /^application\/problem\+json/;
const HOUR = 3_600_000;

/** A login that the stand-in knows and the pool does not. */
function newLogin(pool: TestPool, name: string): AuthJson {
  return pool.standIn.addAccount({ name }).authJson();
}

/** Another generation of tokens of an account, from a time. The stand-in does not know it. */
function loginOf(pool: TestPool, name: string, issuedAt: number): AuthJson {
  const { accountId, userId, email, plan } = pool.standIn.account(name);
  const identity = { accountId, userId, email, plan, fedramp: false };
  return madeUpAuthJson(identity, madeUpTokens(identity, issuedAt, issuedAt + 240 * HOUR), issuedAt);
}

/** Every file of the pool folder with its text. */
async function poolFiles({ folder }: TestPool): Promise<Record<string, string>> {
  const path = join(folder, 'pool');
  const names = (await readdir(path)).filter((it) => it.endsWith('.json') || it.endsWith('.tmp'));
  const texts = await Promise.all(
    names.toSorted().map(async (it) => [it, await readFile(join(path, it), 'utf8')] as const),
  );
  return Object.fromEntries(texts);
}

/** No token and no part of one, in an answer or in the log. */
function expectNoSecrets(pool: TestPool, logins: readonly AuthJson[], ...answers: object[]): void {
  const seen = JSON.stringify(answers) + pool.logger.lines.join('\n');
  for (const { tokens } of logins) {
    for (const token of [tokens.access_token, tokens.refresh_token, tokens.id_token]) {
      expect(seen).not.toContain(token.split('.')[1] ?? token);
    }
  }
}

async function servedBy(pool: TestPool): Promise<string | undefined> {
  return (await pool.turn().expect(200)).headers['x-codex-pool-account'];
}

describe('POST /admin/accounts', () => {
  it('takes in an auth.json, whose account serves at once', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const login = newLogin(pool, 'new');
    const answer = await pool.client.post('/admin/accounts').send(login).expect(201);
    expect(answer.body).toEqual([{ name: 'account-1', result: 'added' }]);
    expect(await servedBy(pool)).toBe('account-1');
    expect(await pool.readAuth('account-1')).toEqual(login);
    expect((await stat(join(pool.folder, 'pool', 'account-1.json'))).mode & 0o777).toBe(0o600);
    expectNoSecrets(pool, [login], answer.body, answer.headers);
  });

  it('takes its name from the request, else the first free one', async () => {
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

  it('renews an account that is there already, under its own name and with what else its file holds', async () => {
    const extra = { mine: { kept: true } };
    await using pool = await TestPool.start({
      accounts: ['a'],
      authJson: (_name, json) => ({ ...extra, ...json, OPENAI_API_KEY: 'sk-made-up' }),
    });
    const before = await pool.readAuth('a');
    const login = pool.standIn.account('a').loginAgain();
    const answer = await pool.client.post('/admin/accounts').send({ name: 'other', auth: login }).expect(201);
    expect(answer.body).toEqual([{ name: 'a', result: 'renewed' }]);
    const after = await pool.readAuth('a');
    expect(after).toEqual({ ...extra, ...login, OPENAI_API_KEY: 'sk-made-up' });
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json']);
    expect(await servedBy(pool)).toBe('a');
    expect(pool.standIn.turns().at(-1)?.headers.authorization).toBe(`Bearer ${login.tokens.access_token}`);
  });

  it('follows a symbolic link and leaves it in place', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const file = join(pool.folder, 'auth.json');
    const link = join(pool.folder, 'pool', 'a.json');
    await writeFile(file, await readFile(link, 'utf8'), { mode: 0o600 });
    await rm(link);
    await symlink(file, link);
    await pool.client.post('/admin/reload').expect(200);
    const login = pool.standIn.account('a').loginAgain();
    await pool.client.post('/admin/accounts').send(login).expect(201);
    expect(await readlink(link)).toBe(file);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(login);
  });

  it('makes an account serve again that needed a login, even with a login that is older', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const older = loginOf(pool, 'a', Date.now() - HOUR);
    pool.standIn.account('a').revokeRefreshToken().expireAccessToken();
    await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ reason: 'needs-login' });
    const same = await pool.client
      .post('/admin/accounts')
      .send(await pool.readAuth('a'))
      .expect(409);
    expect(same.body).toMatchObject({ code: 'spent_tokens' });
    await pool.client.post('/admin/accounts').send(older).expect(201);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
    await pool.client.post('/admin/accounts').send(pool.standIn.account('a').loginAgain()).expect(201);
    expect(await servedBy(pool)).toBe('a');
  });

  it('takes in several, each by itself', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const logins = [newLogin(pool, 'one'), newLogin(pool, 'two')];
    const { refresh_token: _gone, ...halfTokens } = newLogin(pool, 'half').tokens;
    const body = [logins[0], { name: 'bad', auth: { tokens: halfTokens } }, { name: 'two', auth: logins[1] }];
    const answer = await pool.client.post('/admin/accounts').send(body).expect(207);
    expect(answer.body).toEqual([
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
    expectNoSecrets(pool, logins, answer.body, again.body);
  });

  it('keeps apart two that come at the same time, and joins what is one', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const logins = [newLogin(pool, 'one'), newLogin(pool, 'two')];
    const answers = await Promise.all(
      [...logins, ...logins].map((it) => pool.client.post('/admin/accounts').send(it).expect(201)),
    );
    const results = answers.map((it) => `${it.body[0].name} ${it.body[0].result}`).toSorted();
    expect(results).toEqual(['account-1 added', 'account-1 renewed', 'account-2 added', 'account-2 renewed']);
    expect(Object.keys(await poolFiles(pool))).toEqual(['account-1.json', 'account-2.json']);
  });

  it.each<[string, number, string, (pool: TestPool, login: AuthJson) => unknown]>([
    ['without tokens', 422, 'no_tokens', () => ({ OPENAI_API_KEY: null, tokens: null })],
    ['with nothing in it', 422, 'no_tokens', () => ({})],
    ['with only an API key', 422, 'api_key_only', () => ({ OPENAI_API_KEY: 'sk-made-up' })],
    ['of another form', 422, 'not_auth_json', () => ({ tokens: 'rt_made-up' })],
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
      'of a stand-in login',
      422,
      'stand_in_login',
      (_pool, it) => ({ ...it, tokens: { ...it.tokens, account_id: `${STAND_IN_PREFIX}x` } }),
    ],
    ['with a name that is a path', 422, 'bad_name', (_pool, auth) => ({ name: '../evil', auth })],
    ['with a name that hides', 422, 'bad_name', (_pool, auth) => ({ name: '.evil', auth })],
    ['with a name that is none', 422, 'bad_name', (_pool, auth) => ({ name: '', auth })],
    ['with a name of the wrong type', 422, 'bad_name', (_pool, auth) => ({ name: 7, auth })],
    ['under the name of another account', 409, 'name_taken', (_pool, auth) => ({ name: 'a', auth })],
    ['under the name of a broken file', 409, 'name_taken', (_pool, auth) => ({ name: 'broken', auth })],
    ['with older tokens', 409, 'older_tokens', (pool) => loginOf(pool, 'a', Date.now() - HOUR)],
    ['in a list of lists', 422, 'not_auth_json', (_pool, it) => [[it]]],
    ['of nothing at all, twice', 422, 'import_refused', () => [{}, 'x']],
    ['of nothing at all', 400, 'nothing_to_import', () => []],
  ])('refuses one %s, and leaves everything as it is', async (_case, status, code, bodyOf) => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'broken.json': '{' } });
    const before = await poolFiles(pool);
    const login = newLogin(pool, 'new');
    const answer = await pool.client
      .post('/admin/accounts')
      .set('content-type', 'application/json')
      .send(JSON.stringify(bodyOf(pool, login)))
      .expect(status)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(await poolFiles(pool)).toEqual(before);
    expect((await pool.client.get('/admin/accounts')).body).toHaveLength(2);
    expectNoSecrets(pool, [login], answer.body);
  });

  it('says so when a file cannot be written, and leaves none behind', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const login = newLogin(pool, 'new');
    await rm(join(pool.folder, 'pool'), { recursive: true });
    await writeFile(join(pool.folder, 'pool'), 'no folder');
    const answer = await pool.client
      .post('/admin/accounts')
      .send(login)
      .expect(500)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({ code: 'not_written' });
    expectNoSecrets(pool, [login], answer.body);
  });
});

describe('the body of an operator’s request', () => {
  const cut = '{"tokens":{"access_token":"canary-token';

  it.each<[string, number, string, Record<string, string>, string | Buffer]>([
    ['cut off', 400, 'bad_json', {}, cut],
    ['no JSON', 400, 'bad_json', {}, 'canary-token'],
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
      'without end in its depth',
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
      const answer = await pool.client[method](path)
        .set({ 'content-type': 'application/json', ...headers })
        .send(body)
        .expect(status)
        .expect('content-type', PROBLEM);
      expect(answer.body).toMatchObject({ status, code });
      expect(answer.text).not.toContain('canary');
    }
    expect(await poolFiles(pool)).toEqual(before);
    expect(pool.logger.lines.join('\n')).not.toContain('canary');
  });

  it('may be missing where none is needed, and is asked for where one is', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await pool.client.post('/admin/reload').expect(200);
    await pool.client.post('/admin/reload').set('content-length', '0').expect(200);
    const imported = await pool.client.post('/admin/accounts').expect(400).expect('content-type', PROBLEM);
    expect(imported.body.detail).toMatch(/auth\.json/);
    const set = await pool.client.patch('/admin/accounts/a').expect(400).expect('content-type', PROBLEM);
    expect(set.body.detail).toMatch(/paused/);
  });

  it('is not read of somebody who has no business here', async () => {
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

describe('PATCH /admin/accounts/{name}', () => {
  it('keeps settings over a restart, and none of them in the file of Codex', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const before = await poolFiles(pool);
    const settings = { paused: true, label: 'mine', priority: 5, reserve: 0.25, maxInFlight: 3 };
    const answer = await pool.client.patch('/admin/accounts/a').send(settings).expect(200);
    expect(answer.body).toMatchObject({ name: 'a', ...settings, available: false, reason: 'paused' });
    await pool.client.patch('/admin/accounts/a').send({ label: null }).expect(200);
    expect(await poolFiles(pool)).toEqual(before);
    await using again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ ...settings, label: null, reason: 'paused' });
  });

  it('pauses an account for new turns alone', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.standIn.account('a').answers(turn.answer);
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
    const answer = await pool.client
      .patch('/admin/accounts/a')
      .send({ priority: 7, ...body })
      .expect(400);
    expect(answer.headers['content-type']).toMatch(PROBLEM);
    expect(answer.body.detail).toContain(field);
    expect(await pool.account('a')).toMatchObject({ priority: 0 });
  });
});

describe('DELETE /admin/accounts/{name}', () => {
  it('moves the file away, and its settings come back with the same account', async () => {
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

  it('works for a file that is no account', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'a b.json': '{' } });
    await pool.client.get('/admin/accounts/a%20b').expect(200);
    const { body } = await pool.client.delete('/admin/accounts/a%20b').expect(200);
    expect(await readFile(body.movedTo, 'utf8')).toBe('{');
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json']);
  });

  it('moves of a link only the link', async () => {
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

  it('lets a turn in flight go on', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const turn = controlled();
    pool.standIn.account('a').answers(turn.answer);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    await turn.started;
    await pool.client.delete('/admin/accounts/a').expect(200);
    await pool.turn().expect(503);
    turn.send(delta('out'));
    turn.end();
    expect((await client.whole()).body.toString()).toContain('"delta":"out"');
  });

  it('says so when the file is gone already', async () => {
    await using pool = await TestPool.start();
    await rm(join(pool.folder, 'pool', 'a.json'));
    const answer = await pool.client.delete('/admin/accounts/a').expect(404);
    expect(answer.headers['content-type']).toMatch(PROBLEM);
    expect((await pool.client.get('/admin/accounts')).body).toEqual([expect.objectContaining({ name: 'b' })]);
  });
});

describe('POST /admin/accounts/{name}/refresh', () => {
  it('renews a token that is not due', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const before = await pool.readAuth('a');
    const answer = await pool.client.post('/admin/accounts/a/refresh').expect(200);
    expect(answer.body).toMatchObject({ name: 'a', available: true, refresh: 'idle' });
    const after = await pool.readAuth('a');
    expect(after.tokens.refresh_token).not.toBe(before.tokens.refresh_token);
    expect(pool.standIn.tokens.requestsFor('a')).toHaveLength(1);
    expect(pool.standIn.tokens.reuses).toBe(0);
    expectNoSecrets(pool, [before, after], answer.body);
  });

  it('says when a login is needed', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.standIn.account('a').revokeRefreshToken();
    const answer = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(409)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({ code: 'needs_login' });
    expectNoSecrets(pool, [await pool.readAuth('a')], answer.body);
  });

  it('says when the token endpoint failed, and works once it is back', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.standIn.tokens.answers('html');
    const answer = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(502)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({ code: 'refresh_failed' });
    await pool.client.post('/admin/accounts/a/refresh').expect(200);
  });

  it('renews nothing where that is switched off', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_DISABLE_REFRESH: '1' } });
    const answer = await pool.client
      .post('/admin/accounts/a/refresh')
      .expect(409)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({ code: 'refresh_disabled' });
    expect(pool.standIn.tokens.requests).toEqual([]);
  });
});

describe('POST /admin/accounts/{name}/reset', () => {
  it('makes an account serve again that was out for a while', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.standIn.account('a').answers(forbidden());
    await pool.turn();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'forbidden' });
    const answer = await pool.client.post('/admin/accounts/a/reset').expect(200);
    expect(answer.body).toMatchObject({ name: 'a', available: true, reason: null, until: null });
    expect(await servedBy(pool)).toBe('a');
  });
});

describe('POST /admin/accounts/{name}/poll', () => {
  it('asks for the quota now', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.standIn.account('a').usage({ usedPercent: 61, windowSeconds: 18_000 });
    const answer = await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(answer.body.windows).toEqual([
      expect.objectContaining({ durationSeconds: 18_000, usedRatio: 0.61 }),
    ]);
  });

  it.each<[string, number, object | string]>([
    ['an error', 500, {}],
    ['a page', 200, '<html>'],
    ['nothing about usage', 200, []],
  ])('says when upstream answers %s', async (_case, status, body) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.standIn.account('a').usageAnswers(status, body);
    const answer = await pool.client
      .post('/admin/accounts/a/poll')
      .expect(502)
      .expect('content-type', PROBLEM);
    expect(answer.body).toMatchObject({ code: 'poll_failed' });
    expect((await pool.account('a')).windows).toHaveLength(2);
  });
});

describe('a name that no account has', () => {
  it.each([
    ['get', '/admin/accounts/nobody'],
    ['get', '/admin/accounts/nobody/quota'],
    ['patch', '/admin/accounts/nobody'],
    ['delete', '/admin/accounts/nobody'],
    ['post', '/admin/accounts/nobody/refresh'],
    ['post', '/admin/accounts/nobody/reset'],
    ['post', '/admin/accounts/nobody/poll'],
    ['patch', '/admin/accounts/broken'],
    ['post', '/admin/accounts/broken/poll'],
    ['delete', '/admin/accounts/..%2fdata%2fproxy'],
    ['delete', '/admin/accounts/.removed'],
  ] as const)('is a problem in JSON: %s %s', async (method, path) => {
    await using pool = await TestPool.start({ accounts: ['a'], files: { 'broken.json': '{' } });
    const answer = await pool.client[method](path).expect(404);
    expect(answer.headers['content-type']).toMatch(/json/);
    expect(Object.keys(await poolFiles(pool))).toEqual(['a.json', 'broken.json']);
  });
});
