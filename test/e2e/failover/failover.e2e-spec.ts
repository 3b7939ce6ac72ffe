import { describe, expect, it } from 'vitest';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

describe('failover beyond turns', () => {
  it('makes images with the next account when the first cannot', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').imageResponses(usageLimit());
    const answer = await pool.client.post('/v1/images/generations').send({ prompt: 'a pool' }).expect(200);
    expect(answer.body).toMatchObject({ account: 'b' });
    expect(answer.headers['x-codex-pool-account']).toBe('b');
  });

  it('makes one attempt, and no other, for what is neither a turn nor an image', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const asked: (string | null)[] = [];
    pool.fakeUpstream.on('POST', '/backend-api/codex/responses/compact', (_req, res, { account }) => {
      asked.push(account);
      res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"no luck"}');
    });
    const answer = await pool.client.post('/v1/responses/compact').send({ input: [] }).expect(500);
    expect(answer.text).toBe('{"error":"no luck"}');
    expect(answer.headers['x-codex-pool-account']).toBe('a');
    expect(asked).toEqual(['a']);
  });

  it('never shows a rejected token to a client that asks for something else than a turn', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.on('POST', '/backend-api/codex/responses/compact', (_req, res) => {
      res.writeHead(401).end();
    });
    const answer = await pool.client.post('/v1/responses/compact').send({ input: [] }).expect(503);
    expect(answer.headers).toMatchObject({ 'x-codex-pool-error': 'account_unauthorized' });
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });
});
