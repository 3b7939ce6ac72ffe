import { describe, expect, it } from 'vitest';
import type { CustomHandler } from '../../../src/fake-upstream/script/scripted-response.js';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { call } from '../../support/clients/raw-http.js';
import { polled } from '../../support/pool/first-poll.js';
import { free, standing } from '../../support/pool/ranked-accounts.js';
import { TestPool } from '../../support/pool/pool.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const MCP = '/backend-api/ps/mcp';
const refusal = '{"error": "the connector is not\\nlinked"}';

/** A connector that rejects every token, though the account's login is good. */
const rejects: CustomHandler = (_req, res) => {
  const challenge = 'Bearer resource_metadata="https://connector.example"';
  res
    .writeHead(401, {
      'content-type': 'application/json',
      'www-authenticate': challenge,
      'x-of': 'connector',
    })
    .end(refusal);
};

const mcp = (pool: TestPool, headers: Readonly<Record<string, string>> = {}) =>
  call(pool.origin, {
    method: 'POST',
    path: MCP,
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"jsonrpc":"2.0","id":1,"method":"initialize"}',
  });

const askedOf = (pool: TestPool, path: string) =>
  pool.fakeUpstream.log.filter((it) => it.path === path).length;

describe('a 401 on a route that is not a turn', () => {
  it('is passed on as 403 after one refresh, and blames no account', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, rejects);
    const response = await mcp(pool);
    expect(response.status).toBe(403);
    expect(response.body.toString()).toBe(refusal);
    expect(response.headers).toMatchObject({ 'content-type': 'application/json', 'x-of': 'connector' });
    expect(response.headers).toMatchObject({ 'x-codex-pool-account': 'a' });
    expect(response.headers).not.toHaveProperty('www-authenticate');
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(await standing(pool, 'a')).toEqual(free);
    const id = String(response.headers['x-codex-pool-request']);
    const { body } = await pool.client.get(`/admin/requests/${id}`).expect(200);
    expect(body.attempts).toMatchObject([{ status: 401 }, { by: 'refresh', status: 401 }]);
  });

  it('costs no second refresh, on any such route, until the token is renewed', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, rejects).on('GET', '/backend-api/codex/elsewhere', rejects);
    for (let again = 0; again < 3; again += 1) {
      expect((await mcp(pool)).status).toBe(403);
      expect((await call(pool.origin, { path: '/v1/elsewhere' })).status).toBe(403);
      await pool.turn().expect(200);
    }
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(askedOf(pool, MCP)).toBe(4);
    pool.fakeUpstream.account('a').expireAccessToken();
    await pool.turn().expect(200); // renews the token: the route may be asked once more
    expect((await mcp(pool)).status).toBe(403);
    expect((await mcp(pool)).status).toBe(403);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(3);
  });

  it('is resolved by one refresh when the token itself was rejected', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    expect((await mcp(pool)).status).toBe(200);
    pool.fakeUpstream.account('a').expireAccessToken();
    expect((await mcp(pool)).status).toBe(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(2);
  });

  it('costs one refresh for many requests at once', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, rejects);
    const responses = await Promise.all(Array.from({ length: 8 }, () => mcp(pool)));
    expect(new Set(responses.map((it) => it.status))).toEqual(new Set([403]));
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });

  it('does not move the session', async () => {
    await using pool = await startTilted();
    const session = { 'session-id': 's-1' };
    pool.fakeUpstream.on('POST', '/backend-api/codex/alpha/search', rejects);
    const first = await pool.turn(session).expect(200);
    expect(first.headers['x-codex-pool-account']).toBe('b');
    const search = await pool.client.post('/v1/alpha/search').set(session).send({}).expect(403);
    expect(search.text).toBe(refusal);
    expect(await standing(pool, 'b')).toEqual(free);
    const next = await pool.turn(session).expect(200);
    expect(next.headers['x-codex-pool-account']).toBe('b');
  });

  it.each([
    ['refuses for good', 'needs a login'],
    ['fails', 'server_error'],
  ])('becomes a local 503 when the token endpoint %s', async (how) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, rejects);
    if (how === 'fails') pool.fakeUpstream.tokens.answers({ status: 500, body: { error: 'server_error' } });
    else pool.fakeUpstream.account('a').revokeRefreshToken();
    const response = await mcp(pool);
    expect(response.status).toBe(503);
    expect(response.headers).toMatchObject({ 'x-codex-pool-error': 'account_unauthorized' });
  });

  it('takes no account out when refresh is disabled', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_DISABLE_REFRESH: '1' } });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, rejects);
    expect((await mcp(pool)).status).toBe(503);
    expect(await standing(pool, 'a')).toEqual(free);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });

  it.each([
    ['empty', ''],
    ['large', 'x'.repeat(300_000)],
    ['HTML', '<html>401</html>'],
    ['the word that the account is gone', '{"error":{"code":"account_deactivated"}}'],
  ])('never reaches the client: its body is %s', async (_which, body) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, (_req, res) => void res.writeHead(401).end(body));
    for (let again = 0; again < 2; again += 1) expect([403, 503]).toContain((await mcp(pool)).status);
  });
});

describe('a Retry-After', () => {
  const limits = [
    [429, '3600'],
    [503, '120'],
    [429, new Date(Date.now() + 600_000).toUTCString()],
  ] as const;

  it.each(limits)(
    'does not reach Codex when it is longer than a minute: %i with %s',
    async (status, value) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      await polled(pool);
      pool.fakeUpstream.on(
        'POST',
        MCP,
        (_req, res) => void res.writeHead(status, { 'retry-after': value }).end(),
      );
      const ofCodex = await mcp(pool, { originator: 'codex_exec' });
      expect(ofCodex.status).toBe(status);
      expect(ofCodex.headers).not.toHaveProperty('retry-after');
      expect((await mcp(pool)).headers).toMatchObject({ 'retry-after': value });
    },
  );

  it('from the proxy itself is never longer than a minute for Codex', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').always(rateLimit(3_600));
    for (let again = 0; again < 2; again += 1) {
      const { status, headers } = await pool.turn({ originator: 'codex_exec' });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(Number(headers['retry-after'] ?? 0)).toBeLessThanOrEqual(60);
    }
  });

  it('does not reach Codex with a turn that is passed on when it is longer than a minute', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').always(refuses(409, { detail: 'made-up' }, { 'retry-after': '3600' }));
    expect((await pool.turn({ originator: 'codex_exec' }).expect(409)).headers).not.toHaveProperty(
      'retry-after',
    );
    expect((await pool.turn().expect(409)).headers).toMatchObject({ 'retry-after': '3600' });
  });

  it('reaches Codex when it is a minute or less', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('POST', MCP, (_req, res) => void res.writeHead(429, { 'retry-after': '60' }).end());
    expect((await mcp(pool, { originator: 'codex_exec' })).headers).toMatchObject({ 'retry-after': '60' });
  });
});
