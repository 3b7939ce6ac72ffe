import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { custom, failedFirst, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { forbidden, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { failed, framed, type TurnEvent } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { free, isServedBy, standing, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

/** JSON formatted unlike any serializer’s output, so that only untouched bytes compare equal. */
const odd = (text: string): Buffer =>
  Buffer.from(`{\n\t"detail" :"${text} \\u00e9 é",\n "z":1, "a":1.50 }\r\n`);
const asJson = { 'content-type': 'application/json;charset=UTF-8' };
const notSupported = 'This model is not supported when using Codex with a ChatGPT account.';

// One pool for the tests that leave no trace on it.
const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock });
});
afterAll(async () => pool[Symbol.asyncDispose]());

describe('success', () => {
  const windows = { 'x-codex-primary-used-percent': '37', 'x-codex-primary-window-minutes': '300' };

  it('2xx with output goes to the client and counts as a success with the reported windows', async () => {
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
    ['an HTML page', Buffer.from('<html>hello</html>'), { 'content-type': 'text/html' }],
    ['bytes without a type', Buffer.from([0, 255, 10]), {}],
    ['nothing', Buffer.alloc(0), asJson],
  ])(
    '2xx other than a stream goes to the client unchanged and counts as a success: %s',
    async (_what, body, headers) => {
      clock.advance(SECOND);
      const before = pool.fakeUpstream.attempts().length;
      const scripted = custom((_req, res) => void res.writeHead(201, headers).end(body));
      pool.fakeUpstream.account('a').answers(scripted);
      const received = await send(pool);
      expect(received).toMatchObject({ status: 201, isBroken: false, headers });
      expect(received.body.equals(body)).toBe(true);
      expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
      expect(await pool.account('a')).toMatchObject({ ...free, lastSuccessAt: clock.now() });
    },
  );
});

describe('client-error', () => {
  const statuses = [400, 404, 405, 409, 410, 413, 415, 422, 451];
  it.each(statuses)('%i is passed on byte for byte and blames no account', async (status) => {
    const before = pool.fakeUpstream.attempts().length;
    const { lastSuccessAt } = await pool.account('a');
    const body = odd('your request is wrong');
    pool.fakeUpstream.account('a').answers(refuses(status, body, { ...asJson, 'x-request-id': 'req-1' }));
    const received = await send(pool);
    expect(received.status).toBe(status);
    expect(received.body.equals(body)).toBe(true);
    expect(received.headers).toMatchObject({
      ...asJson,
      'x-request-id': 'req-1',
      'x-codex-pool-account': 'a',
    });
    expect(received.headers).not.toHaveProperty('x-codex-pool-error');
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
    ['error with a top-level code', { type: 'error', code: 'made_up', message: 'it is yours' }],
    ['error with a nested code', { type: 'error', ...other }],
    ['error without details', { type: 'error' }],
  ])('a stream that begins with %s is passed on unchanged and blames no account', async (_what, event) => {
    const before = pool.fakeUpstream.attempts().length;
    const stream = Buffer.from(`: hello\n\n${framed(event)}`);
    pool.fakeUpstream.account('a').answers(raw(stream));
    const received = await send(pool);
    expect(received).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(received.body.equals(stream)).toBe(true);
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('not-entitled', () => {
  it('returns upstream’s own refusal byte for byte when no account may use the model', async () => {
    await using own = await startRanked();
    for (const name of ['a', 'b'])
      own.fakeUpstream.account(name).always(refuses(400, odd(notSupported), asJson));
    const received = await send(own);
    expect(own.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(received.status).toBe(400);
    expect(received.body.equals(odd(notSupported))).toBe(true);
    for (const name of ['a', 'b']) expect(await standing(own, name)).toEqual(free);
    const next = await send(own);
    expect(next.status).toBe(400);
    expect(next.body.equals(odd(notSupported))).toBe(true);
  });
});

describe('the pool headers of a response', () => {
  it('name the account in characters that a header can carry', async () => {
    await using own = await TestPool.start({ accounts: ['büro 1'] });
    const received = await own.turn().expect(200);
    expect(received.headers['x-codex-pool-account']).toBe('b%C3%BCro%201');
  });

  it('lead to the request record with every candidate, why it was passed over, and every attempt', async () => {
    await using own = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(own);
    const [paused] = own.registry.list();
    if (paused !== undefined) paused.settings = { ...paused.settings, isPaused: true };
    own.fakeUpstream.account('b').answers(forbidden());
    own.fakeUpstream.account('c').answers(failedFirst('usage_limit_reached'));
    const received = await own.turn({ 'session-id': 'secret-session' }).expect(200);
    const id = received.headers['x-codex-pool-request'];
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

  it('lead to the request record of a local response, too', async () => {
    await using own = await TestPool.start({ accounts: ['a'] });
    await polled(own);
    own.fakeUpstream.account('a').answers(usageLimit());
    const received = await own.turn({}, aTurn()).expect(429);
    const id = received.headers['x-codex-pool-request'];
    const { body } = await own.client.get(`/admin/requests/${id}`).expect(200);
    expect(body).toMatchObject({ attempts: [{ outcome: 'quota-exhausted' }], result: 'usage_limit_reached' });
    await own.client.get('/admin/requests/unknown').expect(404);
  });
});
