import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addedOnTheWay, otherCredentials } from '../../../src/proxy/upstream/headers.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';

const SECRET = 'made-up-by-the-tunnel';
const foreign = Object.fromEntries(
  [...addedOnTheWay, ...otherCredentials].map((it) => [it.replace('*', 'made-up'), SECRET]),
);
/** Headers of Codex that resemble those above. */
const own = {
  'x-codex-window-id': '1:0',
  'x-openai-subagent': 'review',
  'x-oai-attestation': 'made-up',
  'x-client-request-id': 'r-1',
  originator: 'codex_exec',
  'session-id': 's-1',
  version: '0.169.0',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const query = `api-key=${SECRET}&x=%2B+1&%6bey=${SECRET}&&monkey=2`;
const keptQuery = '?x=%2B+1&&monkey=2';

let pool: TestPool;
let seen = 0;
beforeAll(async () => {
  pool = await TestPool.start({ accounts: ['a'] });
});
beforeEach(() => {
  seen = forwarded(pool.fakeUpstream).length;
});
afterAll(async () => pool[Symbol.asyncDispose]());

/** The requests that reached upstream since the start of the test. */
function sent(): { text: string; path: string; headers: object } {
  const [request, ...others] = forwarded(pool.fakeUpstream).slice(seen);
  expect(others).toEqual([]);
  const { path = '', rawHeaders = [], headers = {} } = request ?? {};
  return { path, headers, text: `${path}\n${rawHeaders.join('\n')}` };
}

describe('headers and parameters of tunnels and of other clients', () => {
  it.each([
    ['a turn', turnWith(JSON.stringify(aTurn()))],
    ['a compaction', { ...turnWith(JSON.stringify(aTurn())), path: '/v1/responses/compact' }],
    ['a call of a session', { method: 'POST', path: '/v1/alpha/search', body: '{}' }],
    ['a call with the home account', { path: '/backend-api/wham/settings/user' }],
    ['the bundle of its own account', { path: '/backend-api/wham/config/bundle' }],
    ['an image', { method: 'POST', path: '/v1/images/generations', body: '{}' }],
    ['an upload', { method: 'POST', path: '/backend-api/files', body: '{}' }],
    ['an event', { method: 'POST', path: '/v1/analytics-events/events', body: '{}' }],
  ])('do not reach upstream with %s', async (_what, asked) => {
    const headers = { ...asked.headers, 'chatgpt-account-id': 'acct-a', ...foreign, ...own };
    await call(pool.origin, { ...asked, path: `${asked.path}?${query}`, headers });
    const { text, path, headers: got } = sent();
    expect(text).not.toContain(SECRET);
    expect(path.slice(path.indexOf('?'))).toBe(keptQuery);
    expect(got).toMatchObject(own);
  });

  it('do not reach upstream with the list of models', async () => {
    await call(pool.origin, {
      path: `/v1/models?client_version=0.169.0&key=${SECRET}`,
      headers: { ...foreign, ...own },
    });
    const { text, path, headers } = sent();
    expect(text).not.toContain(SECRET);
    expect(path).toBe('/backend-api/codex/models?client_version=0.169.0');
    expect(headers).toMatchObject(own);
  });

  it('do not reach upstream with the handshake of a WebSocket', async () => {
    await using client = await SocketClient.connect(pool.origin, {
      path: `/v1/responses?${query}`,
      headers: { ...foreign, ...own },
    });
    await client.turn();
    const { text, path, headers } = sent();
    expect(text).not.toContain(SECRET);
    expect(path).toBe(`/backend-api/codex/responses${keptQuery}`);
    expect(headers).toMatchObject(own);
  });
});
