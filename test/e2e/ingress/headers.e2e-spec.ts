import { describe, expect, it } from 'vitest';
import { custom, streams } from '../../../src/fake-upstream/script/responses.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, turnWith } from '../../support/clients/raw-http.js';

const body = JSON.stringify(aTurn());
const clientSecrets = {
  authorization: 'Bearer the-clients-own-token',
  'chatgpt-account-id': 'acct-of-the-client',
  cookie: 'session=the-clients-own-cookie',
  'proxy-authorization': 'Basic dGhlLWNsaWVudHMtb3du',
};

describe('headers to upstream', () => {
  it.each([
    ['a turn', turnWith(body)],
    ['a turn that expects 100-continue', turnWith(body, { expect: '100-continue' })],
    [
      'a call of a session',
      { method: 'POST', path: '/v1/alpha/search', body: '{}', headers: { expect: '100-continue' } },
    ],
    ['a call with the home account', { path: '/backend-api/wham/settings/user' }],
    ['the list of models', { path: '/v1/models?client_version=1' }],
    ['an image', { method: 'POST', path: '/v1/images/generations', body: '{}' }],
    ['an upload', { method: 'POST', path: '/backend-api/files', body: '{}' }],
  ])('carry the account’s credentials and never the client’s: %s', async (_what, asked) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await call(pool.origin, { ...asked, headers: { ...asked.headers, ...clientSecrets } });
    const [request] = forwarded(pool.fakeUpstream);
    expect(request).toMatchObject({ account: 'a', headers: { 'chatgpt-account-id': 'acct-a' } });
    const all = request?.rawHeaders.join('\n') ?? '';
    for (const secret of Object.values(clientSecrets)) expect(all).not.toContain(secret);
    expect(request?.headers).not.toHaveProperty('expect');
    expect(request?.rawHeaders.filter((it) => it.toLowerCase() === 'authorization')).toHaveLength(1);
  });

  it('lack hop-by-hop fields and those that Connection names', async () => {
    await using pool = await TestPool.start();
    await call(
      pool.origin,
      turnWith(body, {
        connection: 'keep-alive, X-Named-Hop, close',
        'x-named-hop': 'secret of this hop',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'transfer-encoding': 'chunked',
        trailer: 'x-later',
        'proxy-connection': 'keep-alive',
        'x-end-to-end': 'stays',
      }),
    );
    const headers = pool.fakeUpstream.turns()[0]?.headers ?? {};
    expect(headers['x-end-to-end']).toBe('stays');
    for (const gone of ['x-named-hop', 'keep-alive', 'te', 'trailer', 'proxy-connection']) {
      expect(headers).not.toHaveProperty(gone);
    }
    expect(headers.connection).not.toContain('X-Named-Hop');
    expect(headers.host).toBe(new URL(pool.fakeUpstream.origin).host);
  });

  it('are otherwise the client’s', async () => {
    await using pool = await TestPool.start();
    const own = {
      'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)',
      originator: 'codex_exec',
      'session-id': '01a202ea-5dea',
      'thread-id': '01a202ea-5dea',
      'x-codex-turn-metadata': '{"turn_id":"1","odd":"ü"}',
      'x-codex-beta-features': 'remote_compaction_v2',
      'openai-beta': 'responses=experimental',
      accept: 'text/event-stream',
      'x-made-up': ' ',
    };
    await call(pool.origin, turnWith(body, { ...own, 'x-codex-turn-metadata': '{"turn_id":"1"}' }));
    const { 'x-made-up': _blank, ...visible } = own;
    expect(pool.fakeUpstream.turns()[0]?.headers).toMatchObject({
      ...visible,
      'x-codex-turn-metadata': '{"turn_id":"1"}',
      'content-type': 'application/json',
    });
  });
});

describe('headers to the client', () => {
  it('never carry cookies or hop-by-hop fields', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const dropped = {
      'set-cookie': 'oai=upstreams-own-cookie',
      connection: 'X-Named-Hop, keep-alive',
      'x-named-hop': 'secret of this hop',
      'keep-alive': 'timeout=7',
      'proxy-authenticate': 'Basic',
      'alt-svc': 'h3=":443"',
    };
    const kept = {
      'x-oai-request-id': 'r-1',
      'cf-ray': 'ray-1',
      'x-codex-turn-state': 'ts-1',
      'x-two': 'a, b',
    };
    pool.fakeUpstream.account('a').answers(streams({ headers: { ...dropped, ...kept } }));
    const response = await call(pool.origin, turnWith(body));
    expect(response.headers).toMatchObject(kept);
    const { connection: _ours, 'keep-alive': _alsoOurs, ...never } = dropped;
    for (const name of Object.keys(never)) expect(response.headers).not.toHaveProperty(name);
    expect(response.rawHeaders.join('\n')).not.toContain('timeout=7');
    expect(response.rawHeaders.join('\n')).not.toContain('upstreams-own-cookie');
  });

  it.each([
    '/backend-api/wham/settings/user',
    '/v1/models',
    '/backend-api/wham/config/bundle',
    '/v1/alpha/search',
  ])('never carry cookies on %s either', async (path) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = path.startsWith('/v1/') ? `/backend-api/codex/${path.slice(4)}` : path;
    pool.fakeUpstream.on('GET', upstream, (_req, res) => {
      res.writeHead(200, {
        'set-cookie': ['a=upstreams-own-cookie', 'b=2'],
        'content-type': 'application/json',
      });
      res.end('{}');
    });
    const response = await call(pool.origin, { path, headers: { 'chatgpt-account-id': 'acct-a' } });
    expect(forwarded(pool.fakeUpstream)).toHaveLength(1);
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('set-cookie');
  });

  it('give the encoded name of the account that served, and the id of the request record', async () => {
    await using pool = await TestPool.start({ accounts: ['büro 1'] });
    pool.fakeUpstream
      .account('büro 1')
      .answers(custom((_req, res) => void res.writeHead(200).end('no stream')));
    const response = await call(pool.origin, turnWith(body));
    expect(response.headers['x-codex-pool-account']).toBe('b%C3%BCro%201');
    const id = String(response.headers['x-codex-pool-request']);
    await pool.client.get(`/admin/requests/${id}`).expect(200, /"outcome":"success"/);
  });
});
