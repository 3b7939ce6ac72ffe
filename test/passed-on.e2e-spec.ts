import { describe, expect, it } from 'vitest';
import { failedFirst, raw, refuses } from '../src/stand-in/answers.js';
import { forbidden, usageLimit } from '../src/stand-in/refusals.js';
import { failed, framed } from '../src/stand-in/turn-events.js';
import { polled } from './support/polled.js';
import { aTurn, TestPool } from './support/pool.js';
import { send } from './support/raw-client.js';

/** JSON as no serializer of ours would write it: only bytes that were not touched compare equal. */
const odd = (text: string): Buffer =>
  Buffer.from(`{\n\t"detail" :"${text} \\u00e9 é",\n "z":1, "a":1.50 }\r\n`);
const asJson = { 'content-type': 'application/json;charset=UTF-8' };
const notSupported = 'The gpt-9 model is not supported when using Codex with a ChatGPT account.';

describe('answers that are the client’s', () => {
  it.each([400, 404, 413, 422])('passes a %i on byte for byte, to nobody’s harm', async (status) => {
    await using pool = await TestPool.start();
    await polled(pool);
    const body = odd('your request is wrong');
    pool.standIn.account('a').answers(refuses(status, body, { ...asJson, 'x-request-id': 'req-1' }));
    const answer = await send(pool);
    expect(answer.status).toBe(status);
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers).toMatchObject({ ...asJson, 'x-request-id': 'req-1' });
    expect(answer.headers).not.toHaveProperty('x-codex-pool-error');
    expect(pool.standIn.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it.each(['context_length_exceeded', 'invalid_prompt', 'server_error'])(
    'passes a turn on that upstream fails with %s',
    async (code) => {
      await using pool = await TestPool.start();
      await polled(pool);
      const stream = Buffer.from(`: hello\n\n${framed(failed(code, 'it is yours'))}`);
      pool.standIn.account('a').answers(raw(stream));
      const answer = await send(pool);
      expect(answer).toMatchObject({ status: 200, isBroken: false });
      expect(answer.body.equals(stream)).toBe(true);
      expect(pool.standIn.attempts()).toEqual(['a']);
      expect(await pool.account('a')).toMatchObject({ available: true });
    },
  );

  it('passes on the refusal of a model that no account may use, byte for byte', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    for (const name of ['a', 'b']) pool.standIn.account(name).always(refuses(400, odd(notSupported), asJson));
    const answer = await send(pool);
    expect(pool.standIn.attempts()).toEqual(['a', 'b']);
    expect(answer.status).toBe(400);
    expect(answer.body.equals(odd(notSupported))).toBe(true);
  });

  it('goes on saying so to the next client that asks for that model', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    for (const name of ['a', 'b']) pool.standIn.account(name).always(refuses(400, odd(notSupported), asJson));
    await send(pool);
    const answer = await send(pool);
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toContain('model');
  });

  it('does not take the words of a model for an error of upstream', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const tells = { type: 'response.output_text.delta', delta: '{"error":{"code":"usage_limit_reached"}}' };
    pool.standIn.account('a').answers(raw(Buffer.from(framed(tells))));
    await pool.turn().expect(200);
    expect(pool.standIn.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ available: true });
  });
});

describe('what an answer tells of its way', () => {
  it('names the account, in characters that a header can carry', async () => {
    await using pool = await TestPool.start({ accounts: ['büro 1'] });
    const answer = await pool.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('b%C3%BCro%201');
  });

  it('leads to the decision: every candidate, why it was passed over, and every attempt', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(pool);
    const [paused] = pool.registry.list();
    if (paused !== undefined) paused.settings = { ...paused.settings, isPaused: true };
    pool.standIn.account('b').answers(forbidden());
    pool.standIn.account('c').answers(failedFirst('usage_limit_reached'));
    const answer = await pool.turn({ 'session-id': 'secret-session' }).expect(200);
    const id = answer.headers['x-codex-pool-request'];
    const { body } = await pool.client.get(`/admin/requests/${id}`).expect(200);
    expect(body).toMatchObject({
      id,
      candidates: [
        { account: 'a', passedOver: 'paused' },
        { account: 'b', passedOver: null },
        { account: 'c', passedOver: null },
        { account: 'd', passedOver: null },
      ],
      attempts: [
        { account: 'b', by: 'policy', outcome: 'forbidden', status: 403 },
        { account: 'c', outcome: 'quota-exhausted', status: 200 },
        { account: 'd', outcome: 'committed', status: 200 },
      ],
      result: 'complete',
    });
    expect(JSON.stringify(body)).not.toContain('secret-session');
  });

  it('tells of refusals of its own as well', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.standIn.account('a').answers(usageLimit());
    const answer = await pool.turn({}, aTurn()).expect(429);
    const id = answer.headers['x-codex-pool-request'];
    const { body } = await pool.client.get(`/admin/requests/${id}`).expect(200);
    expect(body).toMatchObject({ attempts: [{ outcome: 'quota-exhausted' }], result: 'usage_limit_reached' });
    await pool.client.get('/admin/requests/nobody').expect(404);
  });
});
