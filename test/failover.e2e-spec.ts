import { describe, expect, it } from 'vitest';
import { byModel, failedFirst, refuses, streams } from '../src/stand-in/answers.js';
import { deactivated, forbidden, rateLimit, unauthorized, usageLimit } from '../src/stand-in/refusals.js';
import { FakeClock, HOUR, MINUTE, SECOND } from './support/fake-clock.js';
import { polled } from './support/polled.js';
import { aTurn, TestPool } from './support/pool.js';

describe('failover', () => {
  it('serves the next account when the first is at its usage limit, and leaves that out until the limit ends', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    const resetsAt = Math.floor(clock.now() / SECOND) + 3_600;
    pool.standIn.account('a').answers(usageLimit({ resetsAt }));
    const answer = await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(answer.body).toContain('served by b');
    expect(answer.body).not.toContain('usage_limit');
    expect(pool.standIn.attempts()).toEqual(['a', 'b']);
    const a = await pool.account('a');
    expect(a).toMatchObject({ available: false, reason: 'quota-exhausted', until: resetsAt * SECOND });
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    clock.advance(HOUR);
    await pool.turn({ 'session-id': 's-3' }).expect(200);
    expect(pool.standIn.attempts()).toEqual(['a', 'b', 'b', 'a']);
  });

  it.each([
    ['seconds, when it names no time', rateLimit(undefined, 'Too many requests'), 2 * SECOND],
    ['as long as Retry-After says', rateLimit(7, 'slow down please'), 7 * SECOND],
    ['as long as its message says', rateLimit(undefined, 'Please try again in 1.5s.'), 1.5 * SECOND],
  ])('takes a rate limited account out for %s', async (_case, refusal, pauseMs) => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    pool.standIn.account('a').answers(refusal);
    const answer = await pool.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('b');
    expect(await pool.account('a')).toMatchObject({ reason: 'rate-limited', until: clock.now() + pauseMs });
    clock.advance(pauseMs);
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
    await pool.turn().expect(200);
    expect(pool.standIn.attempts()).toEqual(['a', 'b', 'a']);
  });

  it('shows nothing of a stream that begins with a usage limit', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const resetsAt = Math.floor(Date.now() / SECOND) + 3_600;
    const fromA = { 'x-from': 'a' };
    const refusal = failedFirst('usage_limit_reached', 'You are out of quota', { resets_at: resetsAt });
    pool.standIn.account('a').answers({ ...refusal, headers: fromA });
    const answer = await pool.turn().expect(200);
    expect(answer.body).toContain('served by b');
    expect(answer.body).not.toContain('out of quota');
    expect(answer.body.match(/response\.created/g)).toHaveLength(2); // one event: its name, and its type
    expect(answer.headers).not.toHaveProperty('x-from');
    expect(await pool.account('a')).toMatchObject({ reason: 'quota-exhausted', until: resetsAt * SECOND });
    expect(await pool.account('a')).toMatchObject({ totals: { turns: 0 } });
  });

  it('refreshes once and asks the same account again when its token is rejected', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.standIn.account('a').expireAccessToken();
    const answer = await pool.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('a');
    expect(pool.standIn.attempts()).toEqual(['a', 'a']);
    expect(pool.standIn.tokens.requests).toMatchObject([{ account: 'a', reason: 'unauthorized_recovery' }]);
    const { access_token: newest } = pool.standIn.account('a').authJson().tokens;
    expect(pool.standIn.turns()[1]?.headers.authorization).toBe(`Bearer ${newest}`);
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it('serves the next account when the first is rejected with a fresh token too', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    pool.standIn.account('a').answers(unauthorized(), unauthorized());
    const answer = await pool.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('b');
    expect(pool.standIn.attempts()).toEqual(['a', 'a', 'b']);
    expect(pool.standIn.tokens.requests).toHaveLength(1);
    expect(await pool.account('a')).toMatchObject({
      reason: 'unauthorized',
      until: clock.now() + 5 * MINUTE,
    });
  });

  it.each([
    ['forbidden', forbidden(), 5 * MINUTE],
    ['deactivated', deactivated(), null],
    ['deactivated', refuses(403, { error: { code: 'account_suspended', message: 'no' } }), null],
  ])('serves the next account when the first is %s', async (reason, refusal, pauseMs) => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    pool.standIn.account('a').answers(refusal);
    const answer = await pool.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('b');
    const until = pauseMs === null ? null : clock.now() + pauseMs;
    expect(await pool.account('a')).toMatchObject({ available: false, reason, until });
  });

  it('asks another account for a model that the first may not use, and the first only for others from then on', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const detail = "The 'gpt-9' model is not supported when using Codex with a ChatGPT account.";
    const refusal = refuses(400, { detail });
    pool.standIn.account('a').always(byModel((model) => (model === 'gpt-9' ? refusal : streams())));
    await pool.turn({}, aTurn({ model: 'gpt-9' })).expect(200);
    await pool.turn({}, aTurn({ model: 'gpt-9' })).expect(200);
    await pool.turn({}, aTurn({ model: 'gpt-5.5' })).expect(200);
    expect(pool.standIn.attempts()).toEqual(['a', 'b', 'b', 'a']);
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it('makes images with the next account when the first cannot', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.standIn.account('a').imageAnswers(usageLimit());
    const answer = await pool.client.post('/v1/images/generations').send({ prompt: 'a pool' }).expect(200);
    expect(answer.body).toMatchObject({ account: 'b' });
    expect(answer.headers['x-codex-pool-account']).toBe('b');
  });

  it('makes one attempt, and no other, for what is neither a turn nor an image', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const asked: (string | null)[] = [];
    pool.standIn.on('POST', '/backend-api/codex/responses/compact', (_req, res, { account }) => {
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
    pool.standIn.on('POST', '/backend-api/codex/responses/compact', (_req, res) => {
      res.writeHead(401).end();
    });
    const answer = await pool.client.post('/v1/responses/compact').send({ input: [] }).expect(503);
    expect(answer.headers).toMatchObject({ 'x-codex-pool-error': 'account_unauthorized' });
    expect(pool.standIn.tokens.requests).toHaveLength(1);
  });

  it('lets the client try again at once when the budget of attempts ends before the accounts do', async () => {
    await using pool = await TestPool.start({ env: { PROXY_MAX_ATTEMPTS: '1' } });
    await polled(pool);
    pool.standIn.account('a').answers(usageLimit());
    const refused = await pool.turn().expect(503);
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'x-codex-pool-error': 'attempt_budget_spent',
    });
    expect(pool.standIn.attempts()).toEqual(['a']);
    const again = await pool.turn().expect(200);
    expect(again.headers['x-codex-pool-account']).toBe('b');
  });
});
