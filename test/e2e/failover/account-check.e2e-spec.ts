import { describe, expect, it } from 'vitest';
import { dropsConnection, hangs, refuses } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const aWeek = 604_800;
const routed = (pool: TestPool, account_routing_override: unknown) =>
  refuses(200, {
    accounts: [{ id: pool.fakeUpstream.account('a').accountId, account_routing_override }],
  });

/** The routing header of the next turn; null without one. */
async function routingOfATurn(pool: TestPool): Promise<unknown> {
  await pool.turn().expect(200);
  return pool.fakeUpstream.turns().at(-1)?.headers['x-openai-account-routing-override'] ?? null;
}

/** Polls an account that is deactivated, while its account check responds as given. */
async function pollWith(response: ScriptedResponse) {
  const pool = await TestPool.start({ accounts: ['a'] });
  const account = pool.fakeUpstream.account('a');
  await polled(pool);
  account.checkResponses(routed(pool, 'us'));
  await pool.client.post('/admin/accounts/a/poll').expect(200);
  expect(await routingOfATurn(pool)).toBe('us');
  account.answers(refuses(402, { error: { code: 'deactivated_workspace' } }));
  await pool.turn();
  expect(await pool.account('a')).toMatchObject({ available: false, reason: 'deactivated' });
  account.usage({ usedPercent: 30, windowSeconds: aWeek }).checkResponses(response);
  return pool;
}

const learned = {
  available: true,
  reason: null,
  warnings: [],
  windows: [expect.objectContaining({ durationSeconds: aWeek, usedRatio: 0.3 })],
};

describe('a poll whose account check fails', () => {
  it.each<[string, ScriptedResponse]>([
    ['500', refuses(500, { detail: 'made up' })],
    ['502 with a page', refuses(502, '<html>made up</html>')],
    ['404', refuses(404, { detail: 'Not Found' })],
    ['401', refuses(401, { detail: 'made up' })],
    ['403', refuses(403, { detail: 'made up' })],
    ['429', refuses(429, { detail: 'made up' })],
    ['text that is not JSON', refuses(200, '{"accounts": [')],
    ['nothing', refuses(200, '')],
    ['null', refuses(200, 'null')],
    ['a list', refuses(200, '[]')],
    ['accounts as an object', refuses(200, { accounts: { a: 1 } })],
    ['other accounts only', refuses(200, { accounts: [{ id: 'acct-other' }] })],
    [
      'a routing of the wrong type',
      refuses(200, { accounts: [{ id: 'acct-a', account_routing_override: 7 }] }),
    ],
    ['a dropped connection', dropsConnection()],
  ])('with %s is a good poll, and keeps the known routing', async (_case, response) => {
    await using pool = await pollWith(response);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await pool.account('a')).toMatchObject(learned);
    expect((await pool.client.get('/healthz').expect(200)).body).toMatchObject({ status: 'up' });
    expect(await routingOfATurn(pool)).toBe('us');
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });

  it('by a hang has learned the quota already', async () => {
    const response = hangs();
    await using pool = await pollWith(response);
    const poll = pool.client.post('/admin/accounts/a/poll').then((it) => it.status);
    await pool.fakeUpstream.until(
      () => pool.fakeUpstream.log.filter((it) => it.path.endsWith('/accounts/check')).length === 3,
      'the account check',
    );
    expect(await pool.account('a')).toMatchObject(learned);
    expect(await routingOfATurn(pool)).toBe('us');
    response.release();
    expect(await poll).toBe(200);
  });

  it('reads the entry of the account beside entries that it cannot read', async () => {
    const entry = { id: 'acct-a', account_routing_override: 'us_cr' };
    await using pool = await pollWith(refuses(200, { accounts: [7, null, { id: 3 }, entry] }));
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await routingOfATurn(pool)).toBe('us_cr');
  });

  it('ends a known routing when upstream no longer asks for one', async () => {
    await using pool = await pollWith(refuses(200, { accounts: [{ id: 'acct-a' }] }));
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await routingOfATurn(pool)).toBe(null);
  });

  it('by a hang at startup delays the quota of no other account', async () => {
    const response = hangs();
    await using pool = await TestPool.start({
      prepare: (fakeUpstream) => {
        fakeUpstream.account('a').checkResponses(response);
        fakeUpstream.account('b').usage({ usedPercent: 30, windowSeconds: aWeek });
      },
    });
    await polled(pool);
    expect(await pool.account('b')).toMatchObject(learned);
    response.release();
  });
});
