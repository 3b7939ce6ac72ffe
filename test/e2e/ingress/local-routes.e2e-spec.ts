import { describe, expect, it } from 'vitest';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { FakeClock, MINUTE } from '../../support/fake-clock.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { TestPool } from '../../support/pool/pool.js';
import { call } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const MODELS = '/backend-api/codex/models';
/** As Codex asks for it. */
const LIST = '/v1/models?client_version=0.169.0';

/** An etag of its own for each version that the text names. */
const etagOf = (text: string) => `W/"of-${/0\.1\d\d\.0/.exec(text)?.[0]}"`;

describe('the list of models', () => {
  const accounts = [
    { name: 'a', plan: 'plus' },
    { name: 'b', plan: 'pro' },
  ];

  it('is the list of the largest plan, with its etag and bytes, and is cached', async () => {
    await using pool = await TestPool.start({ accounts });
    pool.fakeUpstream.models.body = { models: [{ slug: 'gpt-5.5', odd: 1.5 }] };
    for (let i = 0; i < 3; i += 1) {
      const { body, headers } = await pool.client.get('/v1/models?client_version=0.169.0').expect(200);
      expect(body).toEqual(pool.fakeUpstream.models.body);
      expect(headers).toMatchObject({ etag: pool.fakeUpstream.models.etag, 'x-codex-pool-account': 'b' });
    }
    await pool.client.get('/backend-api/codex/models?client_version=0.170.0').expect(200);
    expect(forwarded(pool.fakeUpstream).map((it) => [it.account, it.path])).toEqual([
      ['b', `${MODELS}?client_version=0.169.0`],
      ['b', `${MODELS}?client_version=0.170.0`],
    ]);
  });

  it('is fetched again after five minutes; the cached list is served while upstream fails', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts, clock });
    const first = await pool.client.get(LIST).expect(200);
    clock.advance(6 * MINUTE);
    pool.fakeUpstream.on('GET', MODELS, (_req, res) => void res.writeHead(500).end('broken'));
    const stale = await pool.client.get(LIST).expect(200);
    expect(stale.body).toEqual(first.body);
    await pool.fakeUpstream.goDown();
    expect((await pool.client.get(LIST).expect(200)).body).toEqual(first.body);
    await pool.fakeUpstream.reopen();
    pool.fakeUpstream.on(
      'GET',
      MODELS,
      (_req, res) => void res.writeHead(200, { etag: '"2"' }).end('{"models":[2]}'),
    );
    const renewed = await call(pool.origin, { path: LIST });
    expect(renewed.headers['etag']).toBe('"2"');
    expect(renewed.body.toString()).toBe('{"models":[2]}');
  });

  it('is 404 when upstream fails and no list is cached, so that the client starts without one', async () => {
    await using pool = await TestPool.start({ accounts });
    for (const status of [401, 500]) {
      pool.fakeUpstream.on('GET', MODELS, (_req, res) => void res.writeHead(status).end());
      for (const path of ['/v1/models', LIST]) {
        const { body } = await pool.client.get(path).expect(404).expect('content-type', /json/);
        expect(body.error.code).toBe('models_unavailable');
      }
    }
  });

  it('is not fetched again just because another account has another etag', async () => {
    await using pool = await startTilted({ accounts });
    const served = (await pool.client.get(LIST).expect(200)).headers['etag'];
    pool.fakeUpstream.account('a').always(streams({ headers: { 'x-models-etag': 'W/"of-a"' } }));
    const ofB = (await pool.turn({ 'session-id': 's-1' }).expect(200)).headers;
    expect(ofB).toMatchObject({ 'x-codex-pool-account': 'b', 'x-models-etag': served });
    const ofA = (await pool.turn({ 'session-id': 's-2' }).expect(200)).headers;
    expect(ofA).toMatchObject({ 'x-codex-pool-account': 'a' });
    expect(ofA).not.toHaveProperty('x-models-etag');
  });

  it('is not fetched again because two versions of Codex have different lists', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.on('GET', MODELS, (req, res) => {
      res.writeHead(200, { etag: etagOf(req.url ?? '') }).end('{"models":[]}');
    });
    pool.fakeUpstream.decides = ({ headers }) =>
      streams({ headers: { 'x-models-etag': etagOf(String(headers['user-agent'])) } });
    for (let again = 0; again < 3; again += 1) {
      for (const version of ['0.169.0', '0.170.0']) {
        const { headers } = await pool.client.get(`/v1/models?client_version=${version}`).expect(200);
        const agent = `codex_exec/${version} (Debian 12.0.0; x86_64)`;
        const turn = await pool.turn({ 'user-agent': agent }).expect(200);
        expect(turn.headers['x-models-etag']).toBe(headers['etag']);
      }
    }
    expect(forwarded(pool.fakeUpstream).filter((it) => it.path.startsWith(MODELS))).toHaveLength(2);
  });

  it('is fetched again when the list of its account has changed', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await pool.client.get(LIST).expect(200);
    pool.fakeUpstream.models.etag = 'W/"made-up-2"';
    expect((await pool.turn().expect(200)).headers['x-models-etag']).toBe('W/"made-up-2"');
    expect((await pool.client.get(LIST).expect(200)).headers['etag']).toBe('W/"made-up-2"');
  });
});

const renew = (pool: TestPool, body: unknown) =>
  call(pool.origin, {
    method: 'POST',
    path: '/oauth/token',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('the renewal of a placeholder login', () => {
  it('is local', async () => {
    await using pool = await TestPool.start();
    const response = await renew(pool, { grant_type: 'refresh_token', refresh_token: 'codex-pool-1' });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body.toString())).toMatchObject({ refresh_token: 'codex-pool-1' });
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });

  it('is denied to every other login, and makes no outbound call', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const real = pool.fakeUpstream.account('a').authJson().tokens.refresh_token;
    const others = [
      { refresh_token: real },
      { refresh_token: `x codex-pool-` },
      { refresh_token: 7 },
      {},
      null,
      'codex-pool-',
    ];
    for (const body of others) {
      const response = await renew(pool, body);
      expect(response.status).toBe(403);
      expect(JSON.parse(response.body.toString())).toHaveProperty('error.message');
      expect(response.body.toString()).not.toContain(real);
    }
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    await pool.turn().expect(200); // the account's login is unchanged
  });
});

describe('a client that probes the proxy', () => {
  it.each([
    ['HEAD', '/v1/responses', 200],
    ['HEAD', '/backend-api/codex/responses', 200],
    ['GET', '/v1', 200],
    ['HEAD', '/v1', 200],
    ['GET', '/v1/responses', 405],
    ['PUT', '/v1/responses', 405],
    ['GET', '/oauth/token', 405],
  ])('%s %s gets a local %i', async (method, path, status) => {
    await using pool = await TestPool.start();
    const response = await call(pool.origin, { method, path });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.headers['allow']).toBe(status === 405 ? 'POST' : undefined);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it.each(['/v1/responses', '/responses', '/backend-api/codex/responses', '/api/codex/responses'])(
    'gets 426 for a WebSocket on %s if upstream does not support them, so that Codex uses HTTP',
    async (path) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      pool.fakeUpstream.account('a').sockets.handshakes(refuses(426, { detail: 'made-up' }));
      const { status, headers, text } = await SocketClient.refused(pool.origin, { path });
      expect(status).toBe(426);
      expect(headers).toMatchObject({ upgrade: 'HTTP/1.1', 'content-type': expect.stringMatching(/json/) });
      expect(JSON.parse(text)).toHaveProperty('error.code', 'websocket_not_supported');
    },
  );
});
