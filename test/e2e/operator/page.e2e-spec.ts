import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { pageSessionSchema } from '../../../src/api/page-session.js';
import { call } from '../../support/clients/raw-http.js';
import { FakeClock } from '../../support/fake-clock.js';
import { PROBLEM } from '../../support/pool/admin.js';
import { BuiltPage } from '../../support/pool/built-page.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';

const TOKEN = 'made-up-admin-token';
const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8';

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.create();
});
afterAll(async () => built[Symbol.asyncDispose]());

const start = (options: TestPoolOptions = {}) =>
  TestPool.start({ accounts: ['a'], pageFolder: built.folder, ...options });
const startGuarded = (options: TestPoolOptions = {}) =>
  start({ ...options, env: { PROXY_ADMIN_TOKEN: TOKEN, ...options.env } });

/** Signs in as the page's form does; returns the `Cookie` for further requests. */
async function signIn(pool: TestPool, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { headers: received } = await pool.client
    .post('/admin/session')
    .set(headers)
    .send({ token: TOKEN })
    .expect(204);
  return String(received['set-cookie']).split(';')[0] ?? '';
}

const basic = (token: string) => `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;

const guess = (pool: TestPool, token: string) => pool.client.post('/admin/session').send({ token });

describe('the page', () => {
  it.each(['/', '/dashboard', '/?view=turns&account=work'])('is at %s for a browser', async (path) => {
    await using pool = await start();
    const { headers, text } = await pool.client.get(path).set('accept', BROWSER).expect(200);
    expect(text).toContain('the page');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      vary: 'accept',
    });
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
  });

  it('is a short text for curl, and for a browser as long as it is not built', async () => {
    await using own = await BuiltPage.create();
    await rm(own.folder, { recursive: true });
    await using pool = await start({ pageFolder: own.folder });
    const text = await pool.client.get('/').set('accept', '*/*').expect(200);
    expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text.text).toContain('accounts: 1, available: 1');
    expect(text.text).not.toContain('npm run build');
    const unbuilt = await pool.client.get('/').set('accept', BROWSER).expect(200);
    expect(unbuilt.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(unbuilt.text).toContain('The page is not built: run `npm run build`.');
    await own.write('index.html', 'built now');
    await own.write('sign-in.html', 'form');
    expect((await pool.client.get('/').set('accept', BROWSER)).text).toBe('built now');
  });

  it('has files that a browser may keep for ever, and no others', async () => {
    await using pool = await start();
    const { headers, text } = await pool.client.get('/assets/index-abc.js').expect(200);
    expect(text).toBe('export {};');
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'gzip',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const plain = await call(pool.origin, { path: '/assets/index-abc.js' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body.toString()).toBe('export {};');
    const odd = [
      'notes.txt',
      'index.html',
      '..%2findex.html',
      '%2e%2e',
      '',
      'index-abc.js/',
      '__proto__',
      'a%00',
    ];
    for (const name of odd) {
      const response = await call(pool.origin, { path: `/assets/${name}` });
      expect(`${name}: ${response.status}`).toBe(`${name}: ${name === 'index-abc.js/' ? 200 : 404}`);
    }
    expect(pool.fakeUpstream.turns()).toEqual([]);
  });

  it('keeps its files when a new build replaces them', async () => {
    await using own = await BuiltPage.create();
    await using pool = await start({ pageFolder: own.folder });
    await pool.client.get('/').set('accept', BROWSER).expect(200);
    await rm(own.folder, { recursive: true });
    expect((await pool.client.get('/assets/index-abc.css')).status).toBe(200);
  });

  it('is not served, but told of in the log, if it is larger than any of ours', async () => {
    await using own = await BuiltPage.create();
    await own.write('assets/big.js', ' '.repeat(limits.pageAssetBytes));
    await using pool = await start({ pageFolder: own.folder });
    expect((await pool.client.get('/').set('accept', BROWSER)).text).toContain('The page is not built');
    expect(JSON.stringify(pool.logger.lines)).toContain('the built page cannot be read');
  });
});

describe('with PROXY_ADMIN_TOKEN, a browser', () => {
  it('gets a form instead of the page, without a prompt for a password', async () => {
    await using pool = await startGuarded();
    const to = '/?view=turns&account=%22%3E%3Cscript%3E';
    const { headers, text } = await pool.client.get(to).set('accept', BROWSER).expect(401);
    expect(text).toContain('value="/?view=turns&#38;account=%22%3E%3Cscript%3E"');
    expect(text).not.toContain('the page');
    expect(headers['www-authenticate']).not.toMatch(/basic/i);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
    // With `no-referrer` Chromium sends the form with `Origin: null`, and the boundary refuses it.
    expect(headers['referrer-policy']).toBe('same-origin');
    const script = await pool.client.get('/admin/accounts').set('sec-fetch-mode', 'cors').expect(401);
    expect(script.headers['www-authenticate']).not.toMatch(/basic/i);
    const typed = await pool.client.get('/metrics').set('sec-fetch-mode', 'navigate').expect(401);
    expect(typed.headers['www-authenticate']).toMatch(/^Basic /);
    await pool.client.get('/assets/index-abc.css').expect(200);
  });

  it('signs in with the form and comes back to where it was', async () => {
    await using pool = await startGuarded();
    const form = { token: TOKEN, to: '/?view=use' };
    const { headers } = await pool.client
      .post('/admin/session')
      .set({ accept: BROWSER, origin: pool.origin })
      .type('form')
      .send(form)
      .expect(303);
    expect(headers['location']).toBe('/?view=use');
    const [cookie = ''] = [headers['set-cookie']].flat();
    const [name] = cookie.split('=', 2);
    expect(name).toBe(`codex-pool-session-${pool.port}`);
    expect(cookie).toMatch(/=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/);
    expect(JSON.stringify([cookie, pool.logger.lines])).not.toContain(TOKEN);
    const sent = { cookie: `other=1; ${cookie.split(';')[0] ?? ''}`, accept: BROWSER };
    expect((await pool.client.get('/').set(sent).expect(200)).text).toContain('the page');
    await pool.client.get('/admin/accounts').set(sent).expect(200);
    await pool.client.post('/admin/reload').set(sent).set('origin', pool.origin).expect(200);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/admin/accounts',
    '/\\evil',
    '/?a\r\nx: y',
    'javascript:1',
  ])('is never led to %j', async (to) => {
    await using pool = await startGuarded();
    const asked = pool.client
      .post('/admin/session')
      .set('accept', BROWSER)
      .type('form')
      .send({ token: TOKEN, to });
    expect((await asked.expect(303)).headers['location']).toBe('/');
  });

  it('is told in the form that its token is wrong', async () => {
    await using pool = await startGuarded();
    const wrong = { token: `${TOKEN}x`, to: '/?view=use' };
    const form = await pool.client
      .post('/admin/session')
      .set('accept', BROWSER)
      .type('form')
      .send(wrong)
      .expect(403);
    expect(form.text).toContain('This is not the token in PROXY_ADMIN_TOKEN.');
    expect(form.text).toContain('value="/?view=use"');
    expect(form.headers['referrer-policy']).toBe('same-origin');
    expect(form.headers['set-cookie']).toBeUndefined();
  });

  it('marks the cookie for TLS if it speaks TLS', async () => {
    await using pool = await startGuarded({ env: { PROXY_ALLOWED_HOSTS: 'pool.lan' } });
    const sent = pool.client.post('/admin/session').set('origin', 'https://pool.lan').send({ token: TOKEN });
    expect(String((await sent.expect(204)).headers['set-cookie'])).toMatch(/; Secure$/);
  });

  it('cannot use its session from a page of another origin', async () => {
    await using pool = await startGuarded();
    const cookie = await signIn(pool);
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'null'])
      expect((await pool.client.post('/admin/reload').set({ cookie, origin })).status).toBe(403);
    await pool.client.post('/admin/session').set('origin', 'null').send({ token: TOKEN }).expect(403);
  });

  it('signs out, and its cookie is worth nothing', async () => {
    await using pool = await startGuarded();
    const cookie = await signIn(pool);
    const { body } = await pool.client.get('/admin/session').set({ cookie }).expect(200);
    expect(pageSessionSchema.parse(body).endsAt).toBeGreaterThan(Date.now());
    const { headers } = await pool.client.delete('/admin/session').set({ cookie }).expect(204);
    expect(String(headers['set-cookie'])).toMatch(/^codex-pool-session-\d+=; .*Max-Age=0/);
    await pool.client.get('/admin/accounts').set({ cookie }).expect(401);
  });

  it('must sign in again after a week, and after a restart', async () => {
    const clock = new FakeClock();
    await using pool = await startGuarded({ clock });
    const cookie = await signIn(pool);
    clock.advance(limits.pageSessionMs - 1);
    await pool.client.get('/admin/accounts').set({ cookie }).expect(200);
    clock.advance(1);
    await pool.client.get('/admin/accounts').set({ cookie }).expect(401);
    const later = await signIn(pool);
    const again = await pool.restart();
    expect((await again.client.get('/admin/accounts').set('cookie', later)).status).toBe(401);
    await again.running.stop();
  });

  it('is signed in to two programs on one host name at once', async () => {
    await using one = await startGuarded();
    await using other = await startGuarded();
    const jar = new Map<string, string>(); // of a browser: by name, whatever the port
    for (const pool of [one, other]) {
      const [name = '', value = ''] = (await signIn(pool)).split('=');
      jar.set(name, value);
    }
    const cookie = [...jar].map((it) => it.join('=')).join('; ');
    const admitted = async () => {
      const both = [one, other].map((it) => it.client.get('/admin/accounts').set({ cookie }));
      return (await Promise.all(both)).map((it) => it.status);
    };
    expect(await admitted()).toEqual([200, 200]);
    await other.client.delete('/admin/session').set({ cookie }).expect(204);
    expect(await admitted()).toEqual([200, 401]);
  });

  it.each([
    ['localhost:18989', 'codex-pool-session-18989'],
    ['localhost', 'codex-pool-session-PORT'],
    ['[::1]', 'codex-pool-session-PORT'],
    ['[::1]:443', 'codex-pool-session-443'],
  ])('at %s gets the cookie %s', async (host, name) => {
    await using pool = await startGuarded();
    const cookie = await signIn(pool, { host });
    expect(cookie.split('=')[0]).toBe(name.replace('PORT', String(pool.port)));
    await pool.client.get('/admin/accounts').set({ host, cookie }).expect(200);
  });

  it('ends the oldest session if there are too many', async () => {
    await using pool = await startGuarded();
    const first = await signIn(pool);
    const second = await signIn(pool);
    for (let count = 2; count < limits.pageSessions + 1; count += 1) await signIn(pool);
    expect((await pool.client.get('/admin/session').set('cookie', first)).status).toBe(401);
    expect((await pool.client.get('/admin/session').set('cookie', second)).status).toBe(200);
  });

  it.each([
    '',
    '=',
    'codex-pool-session-PORT=',
    `codex-pool-session-PORT=${'x'.repeat(43)}`,
    ';;;=',
    'codex-pool-session-PORT',
  ])('is not admitted by the cookie %j', async (odd) => {
    await using pool = await startGuarded();
    const cookie = odd.replace('PORT', String(pool.port));
    expect((await pool.client.get('/admin/accounts').set({ cookie })).status).toBe(401);
  });
});

describe('guessing the token', () => {
  it('is slowed down for its address, more and more, up to a limit', async () => {
    const clock = new FakeClock();
    await using pool = await startGuarded({ clock });
    for (let count = 0; count <= limits.signInFreeTries; count += 1) await guess(pool, 'wrong').expect(403);
    const { headers, body } = await guess(pool, TOKEN).expect(429);
    expect(headers['retry-after']).toBe('1');
    expect(headers['content-type']).toMatch(PROBLEM);
    expect(body).toMatchObject({ code: 'too_many_tries', retryAfterSeconds: 1 });
    clock.advance(1_000);
    await guess(pool, 'wrong').expect(403);
    expect((await guess(pool, 'wrong').expect(429)).headers['retry-after']).toBe('2');
    for (let count = 0; count < 10; count += 1) {
      clock.advance(limits.signInWaitMaxMs);
      await guess(pool, 'wrong').expect(403);
    }
    expect((await guess(pool, 'wrong').expect(429)).headers['retry-after']).toBe('30');
    clock.advance(limits.signInWaitMaxMs);
    await guess(pool, TOKEN).expect(204);
    await guess(pool, 'wrong').expect(403);
  });

  it('keeps out no other address, no session and no program with the token', async () => {
    await using pool = await startGuarded();
    const cookie = await signIn(pool);
    for (let count = 0; count <= limits.signInFreeTries; count += 1) await guess(pool, 'wrong').expect(403);
    await guess(pool, TOKEN).expect(429);
    await pool.client.get('/admin/accounts').set({ cookie }).expect(200);
    await pool.client.get('/admin/accounts').set('authorization', `Bearer ${TOKEN}`).expect(200);
    const other = await call(pool.origin, {
      method: 'POST',
      path: '/admin/session',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: TOKEN }),
      localAddress: '127.0.0.2',
    });
    expect(other.status).toBe(204);
  });

  it('in a header is slowed down too, and a right token then waits a few seconds at most', async () => {
    const clock = new FakeClock();
    await using pool = await startGuarded({ clock });
    const cookie = await signIn(pool);
    const ask = (authorization: string, path = '/admin/accounts') =>
      pool.client.get(path).set({ authorization });
    for (let count = 0; count < limits.signInFreeTries; count += 1)
      await ask(count % 2 === 0 ? `Bearer wrong-${count}` : basic(`wrong-${count}`)).expect(401);
    await ask(`Bearer ${TOKEN}`).expect(200); // frees no further guesses
    await ask('Bearer wrong-x', '/metrics').expect(401);
    const { headers, body } = await ask('Bearer wrong-y').expect(429);
    expect(headers['content-type']).toMatch(PROBLEM);
    expect(headers['retry-after']).toBe('1');
    expect(body).toMatchObject({ code: 'too_many_tries', retryAfterSeconds: 1 });
    for (const it of [`Bearer ${TOKEN}`, basic(TOKEN)]) await ask(it).expect(429);
    for (let count = 0; count < 10; count += 1) {
      clock.advance(limits.headerWaitMaxMs);
      await ask(`Bearer wrong-again-${count}`).expect(401);
    }
    expect((await ask(`Bearer ${TOKEN}`).expect(429)).headers['retry-after']).toBe('5');
    await pool.client.get('/admin/accounts').set({ cookie }).expect(200);
    await guess(pool, TOKEN).expect(204);
    clock.advance(limits.headerWaitMaxMs);
    await ask(`Bearer ${TOKEN}`).expect(200);
    await ask('Bearer wrong-z').expect(401);
    clock.advance(limits.wrongTokensKeptMs);
    for (let count = 0; count < limits.signInFreeTries; count += 1)
      await ask(`Bearer wrong-later-${count}`).expect(401);
    await ask(`Bearer ${TOKEN}`).expect(200);
    expect(JSON.stringify(pool.logger.lines)).not.toContain('wrong-');
  });

  it('is not what a program with an old token does: it slows down no other', async () => {
    await using pool = await startGuarded();
    const ask = (token: string) => pool.client.get('/admin/accounts').set('authorization', `Bearer ${token}`);
    for (let count = 0; count < limits.signInFreeTries * 3; count += 1) await ask('old-token').expect(401);
    expect((await ask(TOKEN)).status).toBe(200);
  });

  it('in a header keeps out no other address', async () => {
    await using pool = await startGuarded();
    const ask = (token: string, localAddress: string) =>
      call(pool.origin, {
        path: '/admin/accounts',
        headers: { authorization: `Bearer ${token}` },
        localAddress,
      });
    for (let count = 0; count <= limits.signInFreeTries; count += 1) await ask(`wrong-${count}`, '127.0.0.1');
    expect((await ask(TOKEN, '127.0.0.1')).status).toBe(429);
    expect((await ask(TOKEN, '127.0.0.2')).status).toBe(200);
  });

  it.each([
    ['nothing', undefined],
    ['no token', {}],
    ['a token of another kind', { token: 7 }],
    ['a list', []],
    ['more than a token', { token: 'x'.repeat(limits.signInBytes + 1) }],
  ])('with %s is refused', async (_what, body) => {
    await using pool = await startGuarded();
    const { body: problem } = await pool.client.post('/admin/session').send(body).expect(400);
    expect(problem.code).toBe('bad_body');
  });

  it('is pointless without a token', async () => {
    await using pool = await start();
    const { body } = await guess(pool, 'any').expect(409);
    expect(body.code).toBe('no_token_set');
  });
});
