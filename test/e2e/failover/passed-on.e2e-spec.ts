import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { custom, failedFirst, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { forbidden, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { failed, framed, type TurnEvent } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { free, isServedBy, standing, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

/** JSON as no serializer of ours would write it: only bytes that were not touched compare equal. */
const odd = (text: string): Buffer =>
  Buffer.from(`{\n\t"detail" :"${text} \\u00e9 é",\n "z":1, "a":1.50 }\r\n`);
const asJson = { 'content-type': 'application/json;charset=UTF-8' };
const notSupported = 'The gpt-9 model is not supported when using Codex with a ChatGPT account.';

// One pool for all that leaves no trace on it.
const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock });
});
afterAll(async () => pool[Symbol.asyncDispose]());

describe('success', () => {
  const windows = { 'x-codex-primary-used-percent': '37', 'x-codex-primary-window-minutes': '300' };

  it('2xx with output goes to the client, and is a success of the account with the windows it tells', async () => {
    clock.advance(SECOND);
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('a').answers(raw(turnOf('a'), { ...windows, 'x-served-by': 'a' }));
    await isServedBy(pool, 'a');
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({
      ...free,
      lastSuccessAt: clock.now(),
      totals: { turns: 1, input: 100, output: 12 },
      windows: expect.arrayContaining([
        expect.objectContaining({ durationSeconds: 18_000, usedRatio: 0.37, seenAt: clock.now() }),
      ]),
    });
  });

  it.each<[string, Buffer, Record<string, string>]>([
    ['JSON that reads like an error', odd('usage_limit_reached'), asJson],
    ['a page', Buffer.from('<html>hello</html>'), { 'content-type': 'text/html' }],
    ['bytes of no type', Buffer.from([0, 255, 10]), {}],
    ['nothing', Buffer.alloc(0), asJson],
  ])(
    '2xx that is no stream goes to the client as it is, and is a success: %s',
    async (_what, body, headers) => {
      clock.advance(SECOND);
      const before = pool.fakeUpstream.attempts().length;
      const answers = custom((_req, res) => void res.writeHead(201, headers).end(body));
      pool.fakeUpstream.account('a').answers(answers);
      const answer = await send(pool);
      expect(answer).toMatchObject({ status: 201, isBroken: false, headers });
      expect(answer.body.equals(body)).toBe(true);
      expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
      expect(await pool.account('a')).toMatchObject({ ...free, lastSuccessAt: clock.now() });
    },
  );
});

describe('client-error', () => {
  const client = [400, 404, 405, 409, 410, 413, 415, 422, 451];
  it.each(client)('%i is passed on byte for byte, to nobody’s harm', async (status) => {
    const before = pool.fakeUpstream.attempts().length;
    const { lastSuccessAt } = await pool.account('a');
    const body = odd('your request is wrong');
    pool.fakeUpstream.account('a').answers(refuses(status, body, { ...asJson, 'x-request-id': 'req-1' }));
    const answer = await send(pool);
    expect(answer.status).toBe(status);
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers).toMatchObject({ ...asJson, 'x-request-id': 'req-1', 'x-codex-pool-account': 'a' });
    expect(answer.headers).not.toHaveProperty('x-codex-pool-error');
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ ...free, lastSuccessAt });
  });
});

describe('turn-failed', () => {
  const other = { error: { code: 'made_up', message: 'it is yours' } };
  it.each<[string, TurnEvent]>([
    ['response.failed with context_length_exceeded', failed('context_length_exceeded')],
    ['response.failed with invalid_prompt', failed('invalid_prompt')],
    ['response.failed with server_error', failed('server_error')],
    ['response.failed without a code', { type: 'response.failed', response: {} }],
    ['error with a code at the top', { type: 'error', code: 'made_up', message: 'it is yours' }],
    ['error with a code inside', { type: 'error', ...other }],
    ['error without anything', { type: 'error' }],
  ])('a stream that begins with %s is passed on as it is, to nobody’s harm', async (_what, event) => {
    const before = pool.fakeUpstream.attempts().length;
    const stream = Buffer.from(`: hello\n\n${framed(event)}`);
    pool.fakeUpstream.account('a').answers(raw(stream));
    const answer = await send(pool);
    expect(answer).toMatchObject({ status: 200, isBroken: false, headers: { 'x-codex-pool-account': 'a' } });
    expect(answer.body.equals(stream)).toBe(true);
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('not-entitled', () => {
  it('a model that no account may use is refused in upstream’s own words, byte for byte', async () => {
    await using own = await startRanked();
    for (const name of ['a', 'b'])
      own.fakeUpstream.account(name).always(refuses(400, odd(notSupported), asJson));
    const answer = await send(own);
    expect(own.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(answer.status).toBe(400);
    expect(answer.body.equals(odd(notSupported))).toBe(true);
    for (const name of ['a', 'b']) expect(await standing(own, name)).toEqual(free);
    const next = await send(own);
    expect(next.status).toBe(400);
    expect(next.body.equals(odd(notSupported))).toBe(true);
  });
});

describe('what an answer tells of its way', () => {
  it('names the account, in characters that a header can carry', async () => {
    await using own = await TestPool.start({ accounts: ['büro 1'] });
    const answer = await own.turn().expect(200);
    expect(answer.headers['x-codex-pool-account']).toBe('b%C3%BCro%201');
  });

  it('leads to the decision: every candidate, why it was passed over, and every attempt', async () => {
    await using own = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(own);
    const [paused] = own.registry.list();
    if (paused !== undefined) paused.settings = { ...paused.settings, isPaused: true };
    own.fakeUpstream.account('b').answers(forbidden());
    own.fakeUpstream.account('c').answers(failedFirst('usage_limit_reached'));
    const answer = await own.turn({ 'session-id': 'secret-session' }).expect(200);
    const id = answer.headers['x-codex-pool-request'];
    const { body } = await own.client.get(`/admin/requests/${id}`).expect(200);
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
        { account: 'd', outcome: 'success', status: 200 },
      ],
      result: 'complete',
    });
    expect(JSON.stringify(body)).not.toContain('secret-session');
  });

  it('tells of refusals of its own as well', async () => {
    await using own = await TestPool.start({ accounts: ['a'] });
    await polled(own);
    own.fakeUpstream.account('a').answers(usageLimit());
    const answer = await own.turn({}, aTurn()).expect(429);
    const id = answer.headers['x-codex-pool-request'];
    const { body } = await own.client.get(`/admin/requests/${id}`).expect(200);
    expect(body).toMatchObject({ attempts: [{ outcome: 'quota-exhausted' }], result: 'usage_limit_reached' });
    await own.client.get('/admin/requests/nobody').expect(404);
  });
});
