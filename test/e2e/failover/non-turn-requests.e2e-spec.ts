import { describe, expect, it } from 'vitest';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

describe('requests that are not turns', () => {
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
    pool.fakeUpstream.on('POST', '/backend-api/codex/responses/compact', (_req, res, { account }) => {
      asked.push(account);
      res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"no luck"}');
    });
    const response = await pool.client.post('/v1/responses/compact').send({ input: [] }).expect(500);
    expect(response.text).toBe('{"error":"no luck"}');
    expect(response.headers['x-codex-pool-account']).toBe('a');
    expect(asked).toEqual(['a']);
  });
});
