import { describe, expect, it } from 'vitest';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { isServedBy, startRanked } from '../../support/pool/ranked-accounts.js';
import { expectAllFree, inSession } from '../../support/pool/scope.js';
import { used } from '../../support/pool/uneven-pool.js';

describe('requests that are not turns', () => {
  it('show the quota of the pool, not that of their account, over HTTP and WebSocket', async () => {
    await using pool = await TestPool.start({
      prepare: (fakeUpstream) => {
        fakeUpstream.account('a').usage(used(10));
        fakeUpstream.account('b').usage(used(50));
      },
    });
    await polled(pool);
    pool.fakeUpstream.on('POST', '/backend-api/codex/alpha/search', (_req, res, { account }) => {
      const own = { 'x-codex-primary-used-percent': account === 'a' ? '10' : '50' };
      res.writeHead(200, { ...own, 'x-codex-primary-window-minutes': '10080' }).end('{}');
    });
    const { headers } = await pool.client.post('/v1/alpha/search').send({}).expect(200);
    expect(headers).toMatchObject({ 'x-codex-primary-used-percent': '30' });
    await using client = await SocketClient.connect(pool.origin, { path: '/v1/realtime' });
    expect(client.headers).toMatchObject({ 'x-codex-primary-used-percent': '30' });
  });

  it('generate images with the next account when the first cannot', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').imageResponses(usageLimit());
    const response = await pool.client.post('/v1/images/generations').send({ prompt: 'a pool' }).expect(200);
    expect(response.body).toMatchObject({ account: 'b' });
    expect(response.headers['x-codex-pool-account']).toBe('b');
  });

  it('get a single attempt, except for images', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const asked: (string | null)[] = [];
    pool.fakeUpstream.on('POST', '/backend-api/codex/memories/trace_summarize', (_req, res, { account }) => {
      asked.push(account);
      res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"no luck"}');
    });
    const response = await pool.client.post('/v1/memories/trace_summarize').send({ input: [] }).expect(500);
    expect(response.text).toBe('{"error":"no luck"}');
    expect(response.headers['x-codex-pool-account']).toBe('a');
    expect(asked).toEqual(['a']);
  });

  it.each([
    ['a rate limit', 429, { error: { code: 'rate_limit_exceeded', message: 'no' } }, { 'retry-after': '60' }],
    ['402', 402, { detail: 'payment_required' }, {}],
  ])('pass %s on; turns and their session stay', async (_case, status, body, headers) => {
    await using pool = await startRanked();
    const session = inSession('searching');
    await isServedBy(pool, 'a', { headers: session });
    pool.fakeUpstream.on('POST', '/backend-api/codex/alpha/search', (_req, res) => {
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    });
    const response = await pool.client.post('/v1/alpha/search').set(session).send({}).expect(status);
    expect(response.body).toEqual(body);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', { headers: session })).toEqual(['a']);
  });
});
