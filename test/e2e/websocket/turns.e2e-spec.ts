import { describe, expect, it } from 'vitest';
import { failedFirst, refuses } from '../../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  forbidden,
  overloaded,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../../src/fake-upstream/script/refusals.js';
import { errorEvent } from '../../../src/fake-upstream/websocket/events.js';
import { closes, messages } from '../../../src/fake-upstream/script/socket-script.js';
import {
  completed,
  created,
  delta,
  failed,
  messageTurn,
} from '../../../src/fake-upstream/script/turn-events.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { type SocketMessage, jsonOf, typeOf } from '../../support/clients/socket-message.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const soon = Math.floor(Date.now() / 1_000) + 3_600;
const types = (all: readonly SocketMessage[]): string[] => all.map(typeOf);
const whole = [
  'codex.rate_limits',
  'response.created',
  'response.metadata',
  'response.in_progress',
  'response.output_item.added',
  'response.output_text.delta',
  'response.output_text.delta',
  'response.output_text.delta',
  'response.output_text.done',
  'response.output_item.done',
  'response.completed',
];
const prelude = created('resp_of_a');

describe('a refusal in a turn, before any output', () => {
  it.each([
    ['429 usage_limit_reached', usageLimit(), 'quota-exhausted'],
    ['429 rate_limit_exceeded', rateLimit(30), 'rate-limited'],
    ['403', forbidden(), null],
    ['402', deactivated(), 'deactivated'],
    ['503 overloaded', overloaded(), null],
    ['response.failed with a limit', failedFirst('usage_limit_reached'), 'quota-exhausted'],
    ['response.failed rate_limit_exceeded', failedFirst('rate_limit_exceeded'), 'rate-limited'],
    [
      'an error message after its prelude',
      messages(prelude, errorEvent(429, { type: 'usage_limit_reached', resets_at: soon })),
      'quota-exhausted',
    ],
    [
      'an error message, and a close at once',
      messages(errorEvent(429, { type: 'usage_limit_reached', resets_at: soon }), closes(1008, 'made-up')),
      'quota-exhausted',
    ],
  ])(
    'moves the turn to the next account unnoticed, and nothing is lost or doubled: %s',
    async (_what, response, reason) => {
      await using pool = await TestPool.start({ env: fillFirst });
      pool.fakeUpstream.account('a').sockets.answers(response);
      await using client = await SocketClient.connect(pool.origin);
      expect(types(await client.turn({ extra: 'é \u2603' }))).toEqual(whole);
      expect(client.messages.map((it) => it.bytes.toString()).join('')).not.toContain('resp_of_a');
      const [first, second] = pool.fakeUpstream.sockets.turns();
      expect([first?.account, second?.account]).toEqual(['a', 'b']);
      expect(second?.bytes.equals(first?.bytes ?? Buffer.alloc(0))).toBe(true);
      expect(await pool.account('a')).toMatchObject({ reason, inFlight: 0, totals: { turns: 0 } });
      expect(await pool.account('b')).toMatchObject({
        inFlight: 0,
        totals: { turns: 1, input: 100, cached: 40, output: 12, reasoning: 4 },
      });
      await pool.fakeUpstream.until(
        () => pool.fakeUpstream.sockets.list[0]?.isOpen === false,
        'the end of the first socket',
      );
      expect(types(await client.turn())).toEqual(whole);
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b', 'b']);
    },
  );

  it('leads to a retry on the same account with a fresh token after a 401', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream.account('a').expireAccessToken().sockets.answers(unauthorized());
    expect(types(await client.turn())).toEqual(whole);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a']);
  });

  it('leads to one retry on the same account after a 500, then to the next account', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const error = refuses(500, { error: { message: 'made-up' } });
    pool.fakeUpstream.account('a').sockets.answers(error, error);
    await using client = await SocketClient.connect(pool.origin);
    expect(types(await client.turn())).toEqual(whole);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b']);
    const [first, second] = pool.fakeUpstream.sockets.turns();
    expect(second?.socket).not.toBe(first?.socket); // more of the failed turn could follow on it
  });

  it('told twice, as error and as response.failed, leaves the next turn its own response', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const twice = [errorEvent(500, { code: 'server_error' }), failed('server_error')];
    pool.fakeUpstream
      .account('a')
      .sockets.answers(
        messages(...twice),
        messages(...messageTurn(['second'])),
        messages(...messageTurn(['third'])),
      );
    await using client = await SocketClient.connect(pool.origin);
    for (const said of ['second', 'third']) {
      const got = await client.turn();
      expect(types(got).at(-1)).toBe('response.completed');
      expect(got.map((it) => it.bytes.toString()).join('')).toContain(said);
    }
  });

  it('of 2 MB moves the turn like a short one', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const limit = failed('usage_limit_reached', 'no', { padding: 'x'.repeat(2_000_000) });
    pool.fakeUpstream.account('a').sockets.answers(messages(prelude, limit));
    await using client = await SocketClient.connect(pool.origin);
    expect(types(await client.turn())).toEqual(whole);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
  });

  it('is recorded with every attempt, and the session follows', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    const { body } = await pool.client.get('/admin/requests').expect(200);
    const turn = body.find((it: { method: string }) => it.method === 'WEBSOCKET');
    expect(turn).toMatchObject({ route: 'websocket', session: expect.any(String), result: 'complete' });
    const outcomes = turn.attempts.map((it: object) => ({ ...it }));
    expect(outcomes).toMatchObject([
      { account: 'a', outcome: 'quota-exhausted' },
      { account: 'b', outcome: 'success' },
    ]);
    const served = await pool.turn({ 'session-id': client.session }).expect(200);
    expect(served.headers['x-codex-pool-account']).toBe('b');
  });

  it('becomes a local response with the earliest reset when no account is left', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit({ resetsAt: soon + 600 }));
    pool.fakeUpstream.account('b').sockets.answers(usageLimit({ resetsAt: soon }));
    await using client = await SocketClient.connect(pool.origin);
    const got = await client.turn();
    expect(types(got)).toEqual(['error']);
    const limit = { type: 'usage_limit_reached', code: 'usage_limit_reached', resets_at: soon };
    expect(jsonOf(got[0])).toMatchObject({ status: 429, error: limit, headers: {} });
    // Already known: upstream is not asked again.
    expect(jsonOf((await client.turn())[0])).toMatchObject({ status: 429, error: limit });
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    for (const name of ['a', 'b'])
      expect(await pool.account(name)).toMatchObject({ reason: 'quota-exhausted', inFlight: 0 });
  });

  it('is passed on unchanged when it concerns the turn itself', async () => {
    await using pool = await TestPool.start();
    const refusal = { bytes: Buffer.from('{"type":"error",  "status":400,"error":{"code":"made_up"}}') };
    for (const name of ['a', 'b'])
      pool.fakeUpstream.account(name).sockets.answers(messages(prelude, refusal));
    await using client = await SocketClient.connect(pool.origin);
    const got = await client.turn();
    expect(types(got)).toEqual(['response.created', 'error']);
    expect(got[1]?.bytes.equals(refusal.bytes)).toBe(true);
    expect(pool.fakeUpstream.sockets.attempts()).toHaveLength(1);
  });
});

describe('a refusal in a turn, after output', () => {
  it.each([
    ['an error message', errorEvent(429, { type: 'usage_limit_reached', resets_at: soon })],
    ['response.failed', failed('usage_limit_reached')],
  ])('is passed on unchanged: %s', async (_what, event) => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(messages(prelude, delta('half'), event));
    await using client = await SocketClient.connect(pool.origin);
    const got = await client.turn();
    expect(types(got)).toEqual(['response.created', 'response.output_text.delta', event.type]);
    expect(got[2]?.bytes.toString()).toBe(JSON.stringify(event));
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ inFlight: 0 });
  });
});

describe('cross-account encrypted content', () => {
  it('is removed once, after the session has moved', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    const refusal = refuses(400, { error: { code: 'invalid_encrypted_content', message: 'made-up' } });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    pool.fakeUpstream.account('b').sockets.answers(refusal, messages(completed()));
    const user = { role: 'user', content: 'hé' };
    const reasoning = { type: 'reasoning', summary: [], encrypted_content: 'of a' };
    expect(types(await client.turn({ input: [user, reasoning] }))).toEqual(['response.completed']);
    const [, , refused, stripped] = pool.fakeUpstream.sockets.turns();
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b', 'b']);
    expect(refused?.message['input']).toEqual([user, reasoning]);
    expect(stripped?.message).toEqual({ ...refused?.message, input: [user] });
    expect(stripped?.socket).not.toBe(refused?.socket);
  });
});
