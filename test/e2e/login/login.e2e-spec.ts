import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { MINUTE, SECOND } from '../../support/fake-clock.js';
import {
  begin,
  isListening,
  passing,
  redirectOf,
  startLogins,
  stateOf,
  arrival,
} from '../../support/pool/logging-in.js';
import type { TestPool } from '../../support/pool/pool.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { call } from '../../support/clients/raw-http.js';

const json = { 'content-type': 'application/json' };
const DEVICE_TOKEN = '/api/accounts/deviceauth/token';

async function takePort(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function pasted(pool: TestPool, id: string, url: string) {
  return pool.client.post(`/admin/login/${id}/callback`).send({ url });
}

const exchanges = (pool: TestPool) =>
  pool.fakeUpstream.log.filter((it) => it.path === '/oauth/token' && it.body.includes('authorization_code'));

describe('a login by browser', () => {
  it('adds an account that is usable at once, and closes the callback listener', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    await pool.turn().expect(503);
    const login = await begin(pool, 'browser', { name: 'work' });
    expect(login).toEqual({
      id: expect.any(String),
      kind: 'browser',
      name: 'work',
      state: 'waiting',
      startedAt: clock.now(),
      expiresAt: clock.now() + 15 * MINUTE,
      url: expect.any(String),
    });
    const page = await arrival(authorization.allow(login.url, 'new'));
    expect(page.status).toBe(200);
    expect(page.body.toString()).toContain('The account work is in the pool now. You may close this window.');
    const state = await stateOf(pool, login.id);
    expect(state).toMatchObject({ state: 'succeeded', account: 'work', result: 'added' });
    const turn = await pool.turn().expect(200);
    expect(turn.headers['x-codex-pool-account']).toBe('work');
    expect(pool.fakeUpstream.attempts()).toEqual(['new']);
    const { tokens } = pool.fakeUpstream.account('new').authJson();
    expect(await pool.readAuth('work')).toEqual({
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: {
        id_token: tokens.id_token,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        account_id: tokens.account_id,
      },
      last_refresh: new Date(clock.now()).toISOString(),
    });
    expect((await stat(fileOf(pool, 'work'))).mode & 0o777).toBe(0o600);
    expect(await isListening(redirectOf(login))).toBe(false);
    expect(exchanges(pool).map((it) => it.headers['user-agent'])).toEqual([
      expect.stringMatching(/^codex-pool\//),
    ]);
  });

  it('returns the authorization URL, whose state and challenge appear in no other response', async () => {
    const { pool } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe(`${pool.fakeUpstream.origin}/oauth/authorize`);
    expect([...searchParams]).toEqual([
      ['response_type', 'code'],
      ['client_id', 'app_EMoamEEZ73f0CkXaXp7hrann'],
      ['redirect_uri', expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/auth\/callback$/)],
      ['code_challenge', expect.stringMatching(/^[\w-]{43}$/)],
      ['code_challenge_method', 'S256'],
      ['state', expect.stringMatching(/^[\w-]{43}$/)],
      ['scope', 'openid profile email offline_access api.connectors.read api.connectors.invoke'],
      ['id_token_add_organizations', 'true'],
      ['codex_cli_simplified_flow', 'true'],
      ['originator', 'codex_cli_rs'],
    ]);
    const reported = JSON.stringify(await stateOf(pool, id));
    expect(reported).not.toContain(searchParams.get('state'));
    expect(reported).not.toContain(searchParams.get('code_challenge'));
  });

  it('takes the first free account-N when no name is given', async () => {
    const { pool, authorization } = await startLogins({ accounts: ['account-1'] });
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    await arrival(authorization.allow(url, 'new'));
    expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded', account: 'account-2' });
  });

  it('renews an account that is in the pool and keeps the other fields of its file', async () => {
    const { pool, authorization } = await startLogins({
      accounts: ['a'],
      authJson: (_name, it) => Object.assign(it, { note: 'mine', tokens: { ...it.tokens, extra: 1 } }),
    });
    await using _pool = pool;
    pool.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'needs-login' });
    const { id, url } = await begin(pool, 'browser', { name: 'other' });
    const page = await arrival(authorization.allow(url, 'a'));
    expect(page.body.toString()).toContain('The account a has a new login.');
    expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded', account: 'a', result: 'renewed' });
    const { refresh_token } = pool.fakeUpstream.account('a').authJson().tokens;
    expect(await pool.readAuth('a')).toMatchObject({ note: 'mine', tokens: { extra: 1, refresh_token } });
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('a');
    expect(pool.registry.list()).toHaveLength(1);
  });

  it('takes a free name when the requested one belongs to another account, and leaves that account unchanged', async () => {
    const { pool, authorization } = await startLogins({ accounts: ['a'] });
    await using _pool = pool;
    const before = await pool.readAuth('a');
    const { id, url } = await begin(pool, 'browser', { name: 'a' });
    expect((await arrival(authorization.allow(url, 'new'))).status).toBe(200);
    expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded', account: 'account-1' });
    expect(await pool.readAuth('a')).toEqual(before);
  });

  it('stays open after another login’s callback', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const right = new URL(authorization.allow(url, 'new'));
    const wrong = (change: (query: URLSearchParams) => void): string => {
      const it = new URL(right);
      change(it.searchParams);
      return it.href;
    };
    const addresses = [
      wrong((it) => it.set('state', 'x'.repeat(43))),
      wrong((it) => it.set('state', '<script>alert(1)</script>')),
      wrong((it) => it.delete('state')),
      wrong((it) => it.append('state', 'again')),
      wrong((it) => it.delete('code')),
      wrong((it) => it.set('error', 'access_denied')),
      `${right.origin}${right.pathname}?error=access_denied&state=${'x'.repeat(43)}`,
      `${right.origin}${right.pathname}`,
    ];
    for (const address of addresses) {
      const page = await arrival(address);
      expect(page.status).toBe(400);
      expect(page.body.toString()).toContain('does not belong to an open login');
      expect(page.body.toString()).not.toMatch(/script|ac_made-up|xxx/);
    }
    expect(await stateOf(pool, id)).toMatchObject({ state: 'waiting' });
    expect(exchanges(pool)).toEqual([]);
    expect((await arrival(right.href)).status).toBe(200);
    expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded' });
  });

  it('fails when the user or the authorization server refuses it', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const one = await begin(pool, 'browser');
    const page = await arrival(authorization.deny(one.url));
    expect(page.status).toBe(400);
    expect(page.body.toString()).toContain('The login was refused in the browser.');
    expect(page.body.toString()).not.toContain('made up');
    expect(await stateOf(pool, one.id)).toMatchObject({ state: 'failed', code: 'access_denied' });
    const other = await begin(pool, 'browser');
    await arrival(authorization.deny(other.url, '<b>odd</b>'));
    const state = await stateOf(pool, other.id);
    expect(state).toMatchObject({ state: 'failed', code: 'authorization_failed' });
    expect(JSON.stringify(state)).not.toContain('odd');
  });

  it('runs at the same time as another one: both return to the same listener, which distinguishes them by their state', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    pool.fakeUpstream.addAccount({ name: 'second' });
    const one = await begin(pool, 'browser', { name: 'one' });
    const other = await begin(pool, 'browser', { name: 'other' });
    expect(redirectOf(other).href).toBe(redirectOf(one).href);
    await arrival(authorization.allow(other.url, 'second'));
    expect(await stateOf(pool, other.id)).toMatchObject({ state: 'succeeded', account: 'other' });
    expect(await stateOf(pool, one.id)).toMatchObject({ state: 'waiting' });
    expect(await isListening(redirectOf(one))).toBe(true);
    await arrival(authorization.allow(one.url, 'new'));
    expect(await stateOf(pool, one.id)).toMatchObject({ state: 'succeeded', account: 'one' });
    expect(await isListening(redirectOf(one))).toBe(false);
    expect((await pool.readAuth('one')).tokens.account_id).toBe('acct-new');
    expect((await pool.readAuth('other')).tokens.account_id).toBe('acct-second');
  });

  it('exchanges its code once, even when the browser follows the callback twice', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const held = authorization.hold();
    const callback = authorization.allow(url, 'new');
    const first = arrival(callback);
    await held.arrived;
    expect(await stateOf(pool, id)).toMatchObject({ state: 'completing' });
    expect((await arrival(callback)).status).toBe(400);
    await pool.client.delete(`/admin/login/${id}`).expect(409);
    expect((await pasted(pool, id, callback)).status).toBe(409);
    held.release();
    expect((await first).status).toBe(200);
    expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded' });
    expect(exchanges(pool)).toHaveLength(1);
    expect(authorization.codes.reuses).toBe(0);
  });

  it.each([
    ['HTML with 502', 'html', 'exchange_refused', '502'],
    ['500', { status: 500, body: { error: 'canary' } }, 'exchange_refused', '500'],
    ['a refusal', { status: 400, body: { error: 'invalid_grant' } }, 'exchange_refused', '400'],
    ['HTML with 200', { status: 200, body: '<html>canary</html>' }, 'exchange_unreadable', '200'],
    ['200 without tokens', { status: 200, body: {} }, 'exchange_unreadable', '200'],
    ['only an access token', { status: 200, body: { access_token: 'canary' } }, 'exchange_unreadable', '200'],
    ['nothing', 'drops', 'exchange_failed', ''],
  ] as const)('fails when the token endpoint returns %s', async (_what, fault, code, detail) => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    authorization.answers(fault);
    const { id, url } = await begin(pool, 'browser');
    const page = await arrival(authorization.allow(url, 'new'));
    expect(page.status).toBe(400);
    const state = await stateOf(pool, id);
    expect(state).toMatchObject({ state: 'failed', code, message: expect.stringContaining(detail) });
    expect(page.body.toString()).toContain(state.message.slice(0, 20));
    expect(`${page.body.toString()}${JSON.stringify(state)}${pool.logger.lines.join('')}`).not.toContain(
      'canary',
    );
    expect(pool.registry.list()).toEqual([]);
    expect(await isListening(redirectOf({ url }))).toBe(false);
  });

  it('expires after 15 minutes and frees its port', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const callback = authorization.allow(url, 'new');
    clock.advance(15 * MINUTE - 1);
    expect(await stateOf(pool, id)).toMatchObject({ state: 'waiting' });
    clock.advance(1);
    expect((await arrival(callback)).status).toBe(400);
    expect(await stateOf(pool, id)).toMatchObject({ state: 'expired' });
    expect(await isListening(redirectOf({ url }))).toBe(false);
    expect((await pasted(pool, id, callback)).status).toBe(409);
    expect(exchanges(pool)).toEqual([]);
  });

  it('frees its port on expiry even if its state is never requested', async () => {
    const { pool, clock } = await startLogins();
    await using _pool = pool;
    const { url } = await begin(pool, 'browser');
    clock.advance(15 * MINUTE);
    clock.tick();
    expect(await isListening(redirectOf({ url }))).toBe(false);
  });

  it('can be cancelled while it waits, and then ignores its callback', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const callback = authorization.allow(url, 'new');
    const { body } = await pool.client.delete(`/admin/login/${id}`).expect(200);
    expect(body).toMatchObject({ id, state: 'cancelled' });
    expect(await isListening(redirectOf({ url }))).toBe(false);
    expect((await pasted(pool, id, callback)).body).toMatchObject({ status: 409, title: 'Conflict' });
    expect((await pool.client.delete(`/admin/login/${id}`).expect(200)).body.state).toBe('cancelled');
    expect(exchanges(pool)).toEqual([]);
  });
});

describe('the callback listener', () => {
  it('serves only GET /auth/callback, and marks it as not cacheable', async () => {
    const { pool } = await startLogins();
    await using _pool = pool;
    const { origin, href } = redirectOf(await begin(pool, 'browser'));
    for (const [method, url] of [
      ['GET', `${origin}/`],
      ['GET', `${origin}/auth/callback/`],
      ['GET', `${origin}//auth/callback`],
      ['GET', `${origin}/admin/accounts`],
      ['GET', `${origin}/favicon.ico`],
      ['POST', href],
      ['HEAD', href],
      ['OPTIONS', href],
    ] as const)
      expect(await arrival(url, method), `${method} ${url}`).toMatchObject({ status: 404 });
    expect((await arrival(href)).headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'",
      connection: 'close',
    });
  });

  it('takes the second port when the first is in use, and reports it when both are', async () => {
    const [one, other] = [await takePort(), await takePort()];
    try {
      const { pool, authorization } = await startLogins({ loginPorts: [one.port, other.port] });
      await using _pool = pool;
      const refused = await pool.client.post('/admin/login/browser').expect(409);
      expect(refused.headers['content-type']).toContain('application/problem+json');
      expect(refused.body).toMatchObject({ status: 409, title: 'Conflict' });
      expect(refused.body.detail).toContain(`needs port ${one.port} or ${other.port} of 127.0.0.1`);
      other.server.close();
      await once(other.server, 'close');
      const { id, url } = await begin(pool, 'browser');
      expect(redirectOf({ url }).port).toBe(String(other.port));
      await arrival(authorization.allow(url, 'new'));
      expect(await stateOf(pool, id)).toMatchObject({ state: 'succeeded' });
    } finally {
      one.server.close();
      other.server.close();
    }
  });

  it("uses one of Codex's own ports by default", async () => {
    expect(limits.loginPorts).toEqual([1_455, 1_457]);
    const { pool } = await startLogins({ loginPorts: limits.loginPorts });
    await using _pool = pool;
    const { status, body } = await pool.client.post('/admin/login/browser');
    // Other programs on this machine may hold the ports.
    const outcome: string = status === 409 ? body.detail : redirectOf(body).href;
    expect(outcome).toMatch(/port 1455 or 1457|^http:\/\/127\.0\.0\.1:145[57]\/auth\/callback$/);
  });

  it('closes when the program stops, and the program does not wait for the user', async () => {
    const { pool } = await startLogins();
    await using _pool = pool;
    const redirect = redirectOf(await begin(pool, 'browser'));
    await pool.running.stop();
    expect(await isListening(redirect)).toBe(false);
  });

  it('completes an authorized login before the program stops', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { url } = await begin(pool, 'browser', { name: 'work' });
    const held = authorization.hold();
    const page = arrival(authorization.allow(url, 'new'));
    await held.arrived;
    const stopped = pool.running.stop();
    // Waiting is not observable. A program that does not wait has stopped by then.
    expect(await Promise.race([stopped, pause(500, 'it waits')])).toBe('it waits');
    held.release();
    expect(await page).toMatchObject({ status: 200 });
    await stopped;
    const { refresh_token } = pool.fakeUpstream.account('new').authJson().tokens;
    expect((await pool.readAuth('work')).tokens.refresh_token).toBe(refresh_token);
  });
});

describe('a pasted callback address', () => {
  it('completes the login like the browser callback', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser', { name: 'remote' });
    const response = await pasted(pool, id, ` ${authorization.allow(url, 'new')}\n`);
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({ id, state: 'succeeded', account: 'remote', result: 'added' });
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('remote');
    expect(await isListening(redirectOf({ url }))).toBe(false);
  });

  it('reports a failure in the state of the login', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const { id, url } = await begin(pool, 'browser');
    const response = await pasted(pool, id, authorization.deny(url));
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({ state: 'failed', code: 'access_denied' });
  });

  it('is refused when it is invalid or belongs to another login, and both logins stay open', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    const one = await begin(pool, 'browser');
    const other = await begin(pool, 'browser');
    const device = await begin(pool, 'device');
    const callbackOfOther = authorization.allow(other.url, 'new');
    for (const url of [
      callbackOfOther,
      'code',
      one.url,
      `${redirectOf(one).href}?code=x`,
      '',
      'javascript:alert(1)',
    ]) {
      const { status, body } = await pasted(pool, one.id, url);
      expect({ url, status }).toEqual({ url, status: 400 });
      expect(body.detail).not.toContain('ac_made-up');
    }
    for (const body of [{}, { url: 1 }, { url: 'x'.repeat(10_000) }, { url: 'x', more: 1 }, []])
      await pool.client.post(`/admin/login/${one.id}/callback`).send(body).expect(400);
    expect((await pasted(pool, device.id, callbackOfOther)).status).toBe(409);
    expect((await pasted(pool, 'unknown', callbackOfOther)).status).toBe(404);
    for (const { id } of [one, other, device])
      expect(await stateOf(pool, id)).toMatchObject({ state: 'waiting' });
    expect(exchanges(pool)).toEqual([]);
  });
});

describe('a login by device code', () => {
  it('polls at the given interval and adds the account once it is approved', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    const login = await begin(pool, 'device', { name: 'phone' });
    expect(login).toEqual({
      id: expect.any(String),
      kind: 'device',
      name: 'phone',
      state: 'waiting',
      startedAt: clock.now(),
      expiresAt: clock.now() + 15 * MINUTE,
      verificationUrl: `${pool.fakeUpstream.origin}/codex/device`,
      userCode: expect.stringMatching(/^[0-9A-F]{4}-[0-9A-F]{4}$/),
    });
    const polls = () => pool.fakeUpstream.log.filter((it) => it.path === DEVICE_TOKEN);
    clock.advance(5 * SECOND - 1);
    clock.tick();
    clock.advance(1);
    clock.tick();
    clock.tick();
    await pool.fakeUpstream.until(() => polls().some((it) => it.endedAt !== null), 'the first poll');
    expect(await stateOf(pool, login.id)).toMatchObject({ state: 'waiting', userCode: login.userCode });
    expect(polls()).toHaveLength(1);
    authorization.device.approve(login.userCode, 'new');
    const state = await passing(pool, clock, login.id, 'succeeded');
    expect(state).toMatchObject({ account: 'phone', result: 'added' });
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('phone');
    const before = polls().length;
    clock.advance(MINUTE);
    clock.tick();
    expect(polls()).toHaveLength(before);
  });

  it('survives faults while polling, independently of a login by browser', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    const browser = await begin(pool, 'browser');
    const { id, userCode } = await begin(pool, 'device');
    authorization.device.faults.push(500, 404, 429, 403);
    authorization.device.approve(userCode, 'new');
    expect(await passing(pool, clock, id, 'succeeded')).toMatchObject({ account: 'account-1' });
    expect(authorization.device.faults).toEqual([]);
    expect(await stateOf(pool, browser.id)).toMatchObject({ state: 'waiting' });
  });

  it('fails when it is permanently refused or its code is rejected', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    const one = await begin(pool, 'device');
    authorization.device.faults.push(400);
    expect(await passing(pool, clock, one.id, 'failed')).toMatchObject({ code: 'device_refused' });
    const other = await begin(pool, 'device');
    authorization.device.approve(other.userCode, 'new');
    authorization.answers('html');
    expect(await passing(pool, clock, other.id, 'failed')).toMatchObject({ code: 'exchange_refused' });
  });

  it('stops polling when it expires or is cancelled', async () => {
    const { pool, authorization, clock } = await startLogins();
    await using _pool = pool;
    const one = await begin(pool, 'device');
    await pool.client.delete(`/admin/login/${one.id}`).expect(200);
    const other = await begin(pool, 'device');
    for (const { userCode } of [one, other]) authorization.device.approve(userCode, 'new');
    clock.advance(15 * MINUTE);
    clock.tick();
    expect(await stateOf(pool, one.id)).toMatchObject({ state: 'cancelled' });
    expect(await stateOf(pool, other.id)).toMatchObject({ state: 'expired' });
    expect(pool.fakeUpstream.log.filter((it) => it.path === DEVICE_TOKEN)).toEqual([]);
  });

  it('does not start when the authorization server issues no code', async () => {
    const { pool, authorization } = await startLogins();
    await using _pool = pool;
    authorization.device.faults.push(503, 200);
    for (const _ of [1, 2]) {
      const { body } = await pool.client.post('/admin/login/device').expect(502);
      expect(body).toMatchObject({ status: 502, title: 'Bad Gateway' });
    }
    await pool.fakeUpstream.goDown();
    await pool.client.post('/admin/login/device').expect(502);
  });
});

describe('a request to /admin/login', () => {
  it.each(['', '.hidden', '../up', 'a/b', 'ä', 'a b', 'x'.repeat(65), 'a\u0000'])(
    'is refused with the name %j',
    async (name) => {
      const { pool } = await startLogins();
      await using _pool = pool;
      for (const kind of ['browser', 'device']) {
        const { body } = await pool.client.post(`/admin/login/${kind}`).send({ name }).expect(400);
        expect(body).toMatchObject({ status: 400, title: 'Bad Request' });
      }
      expect(pool.fakeUpstream.log.filter((it) => it.path.includes('deviceauth'))).toEqual([]);
    },
  );

  it('is refused in any form but the documented one', async () => {
    const { pool } = await startLogins();
    await using _pool = pool;
    const path = '/admin/login/browser';
    const sent: [number, string, Record<string, string>][] = [
      [400, '{"name":', json],
      [400, '[]', json],
      [400, '"work"', json],
      [400, '{"name":1}', json],
      [400, '{"nmae":"work"}', json],
      [415, '{"name":"work"}', { 'content-type': 'application/x-www-form-urlencoded' }],
      [413, JSON.stringify({ name: 'x'.repeat(2_000_000) }), json],
    ];
    for (const [status, body, headers] of sent) {
      const response = await call(pool.origin, { method: 'POST', path, headers, body });
      expect({ status: response.status, body: body.slice(0, 20) }).toEqual({
        status,
        body: body.slice(0, 20),
      });
      expect(response.headers['content-type']).toContain('application/problem+json');
    }
    await pool.client.post(path).set('origin', 'http://evil.example').expect(403);
    await pool.client
      .get('/admin/login/unknown')
      .expect(404)
      .expect('content-type', /problem\+json/);
    await pool.client.delete('/admin/login/unknown').expect(404);
  });

  it('requires the admin token when one is set', async () => {
    const { pool } = await startLogins({ env: { PROXY_ADMIN_TOKEN: 'made-up-admin-token' } });
    await using _pool = pool;
    const paths = ['POST browser', 'POST device', 'POST x/callback', 'GET x', 'DELETE x'];
    for (const it of paths) {
      const [method = '', path = ''] = it.split(' ');
      const request = { method, path: `/admin/login/${path}`, body: '{"cut', headers: json };
      expect(await call(pool.origin, request)).toMatchObject({ status: 401 });
    }
    const headers = { authorization: 'Bearer made-up-admin-token' };
    const response = await call(pool.origin, { method: 'POST', path: '/admin/login/browser', headers });
    expect(response.status).toBe(201);
  });

  it('is bounded: the oldest ended login is dropped, and no login starts while all are open', async () => {
    const { pool } = await startLogins();
    await using _pool = pool;
    const first = await begin(pool, 'browser');
    await pool.client.delete(`/admin/login/${first.id}`).expect(200);
    const open = [];
    for (let i = 0; i < limits.logins; i += 1) open.push(await begin(pool, 'browser'));
    await pool.client.get(`/admin/login/${first.id}`).expect(404);
    for (const kind of ['browser', 'device']) {
      const { body } = await pool.client.post(`/admin/login/${kind}`).expect(429);
      expect(body).toMatchObject({ status: 429, title: 'Too Many Requests' });
    }
    await pool.client.delete(`/admin/login/${open[3]?.id}`).expect(200);
    await begin(pool, 'browser');
    expect(await isListening(redirectOf(open[0]))).toBe(true);
  });
});

it('a login leaks no secret into responses or logs', async () => {
  const { pool, authorization, clock } = await startLogins();
  await using _pool = pool;
  const seen: string[] = [];
  const look = async (path: string): Promise<void> => {
    seen.push(JSON.stringify((await pool.client.get(path)).body));
  };
  const secrets: string[] = [];
  const faults = ['html', { status: 200, body: 'canary' }, 'drops'] as const;
  for (let i = 0; i <= faults.length; i += 1) {
    const { id, url } = await begin(pool, 'browser');
    secrets.push(new URL(url).searchParams.get('state') ?? '');
    const fault = faults[i];
    if (fault !== undefined) authorization.answers(fault);
    seen.push((await arrival(authorization.allow(url, 'new'))).body.toString());
    await look(`/admin/login/${id}`);
  }
  const denied = await begin(pool, 'browser');
  secrets.push(new URL(denied.url).searchParams.get('state') ?? '');
  seen.push((await arrival(authorization.deny(denied.url))).body.toString());
  const device = await begin(pool, 'device');
  authorization.device.approve(device.userCode, 'new');
  seen.push(JSON.stringify(await passing(pool, clock, device.id, 'succeeded')));
  for (const path of ['/healthz', '/admin/requests']) await look(path);
  secrets.push(...exchanges(pool).flatMap((it) => [...new URLSearchParams(it.body.toString()).values()]));
  secrets.push(...authorization.codes.issued(), ...authorization.device.secrets);
  secrets.push(...pool.fakeUpstream.account('new').secrets(), 'canary');
  const harmless = ['authorization_code', 'app_EMoamEEZ73f0CkXaXp7hrann'];
  const everything = [...seen, ...pool.logger.lines].join('\n');
  expect(pool.logger.lines.some((it) => it.includes('login succeeded'))).toBe(true);
  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter((it) => !harmless.includes(it) && everything.includes(it))).toEqual([]);
});
