import { describe, expect, it } from 'vitest';
import { imageEvents } from '../../../src/fake-upstream/script/images.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import {
  completed,
  created,
  delta,
  failed,
  incomplete,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { type RawExchange, send, turnWith } from '../../support/clients/raw-http.js';

/** Without polls, every connection to the fake upstream belongs to a turn. */
const env = { UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9/backend-api' };
const usage = { input: 7, cached: 3, output: 5, reasoning: 2 };

const start = async () => await TestPool.start({ accounts: ['a'], env });
const begin = (pool: TestPool, path = '/v1/responses') =>
  send(pool.origin, { ...turnWith(JSON.stringify(aTurn())), path });
/** Resolves when the whole event has reached the client. */
const untilEvent = async (client: RawExchange, { type }: TurnEvent) =>
  await client.until(
    () => new RegExp(`event: ${type.replaceAll('.', '\\.')}\\n[^\\n]+\\n\\n`).test(client.text),
    type,
  );
const resultOf = async (pool: TestPool, client: RawExchange): Promise<string> => {
  const { headers } = await client.head;
  return (await pool.client.get(`/admin/requests/${String(headers['x-codex-pool-request'])}`).expect(200))
    .body.result;
};
const untilServed = async (pool: TestPool) =>
  await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);

/** Codex closes its connection at the final event; the backend is then still some 30 ms from the end of its body. */
describe('a client that hangs up at the final event', () => {
  it.each<[string, TurnEvent]>([
    ['response.completed', completed(usage)],
    ['response.incomplete', incomplete('max_output_tokens')],
    ['response.done', { type: 'response.done', response: { id: 'resp_made_up' } }],
  ])('after %s is served, and the connection to upstream is used again', async (_type, last) => {
    await using pool = await start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    turn.send(created(), delta('words'), last);
    await untilEvent(client, last);
    client.leave();
    await untilServed(pool); // while upstream still holds its body open
    expect(await resultOf(pool, client)).toBe('complete');
    turn.end();
    await pool.fakeUpstream.until((log) => log[0]?.endedAt !== null, 'the end of the body');
    await pool.turn().expect(200);
    const [first, second] = pool.fakeUpstream.turns();
    expect(first?.closedEarly).toBe(false);
    expect(second?.connection).toBe(first?.connection);
  });

  it('is recorded with its tokens', async () => {
    await using pool = await start();
    pool.fakeUpstream.account('a').answers(streams({ usage }));
    const client = begin(pool);
    await untilEvent(client, completed());
    client.leave();
    await untilServed(pool);
    const { totals } = (await pool.client.get('/admin/usage').expect(200)).body;
    expect(totals).toMatchObject({ turns: 1, ...usage });
    expect((await pool.account('a')).totals).toEqual({ turns: 1, ...usage });
  });

  it('in an image stream is served, too', async () => {
    await using pool = await start();
    const turn = controlled();
    pool.fakeUpstream.account('a').imagesAlways(turn.response);
    const client = begin(pool, '/v1/images/generations');
    turn.send(...imageEvents());
    await untilEvent(client, { type: 'image_generation.completed' });
    client.leave();
    await untilServed(pool);
    expect(await resultOf(pool, client)).toBe('complete');
    turn.end();
    await pool.fakeUpstream.until((log) => log[0]?.endedAt !== null, 'the end of the body');
    expect(pool.fakeUpstream.log[0]?.closedEarly).toBe(false);
  });

  it('after a failure is recorded as failed, with the evidence for its account', async () => {
    await using pool = await start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    const last = failed('usage_limit_reached', 'The usage limit has been reached', { resets_in_seconds: 60 });
    turn.send(created(), delta('words'), last);
    await untilEvent(client, last);
    client.leave();
    await untilServed(pool);
    expect(await resultOf(pool, client)).toBe('failed');
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    turn.end();
  });

  it.each([
    ['never ends', (turn: ReturnType<typeof controlled>) => void turn],
    [
      'sends more than 256 KiB after it',
      (turn: ReturnType<typeof controlled>) => turn.send({ bytes: Buffer.alloc(4 * 1_024 * 1_024, '\n') }),
    ],
  ])('is served when the body of upstream %s; then the connection is closed', async (_case, goesOn) => {
    await using pool = await start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    turn.send(created(), delta('words'), completed(usage));
    await untilEvent(client, completed());
    client.leave();
    await untilServed(pool);
    expect(await resultOf(pool, client)).toBe('complete');
    goesOn(turn);
    await pool.fakeUpstream.until((log) => log[0]?.closedEarly === true, 'the end of the connection');
    await pool.turn().expect(200);
  });

  it('does not blame the account when upstream breaks off after it', async () => {
    await using pool = await start();
    for (let i = 0; i < 3; i += 1) {
      const turn = controlled();
      pool.fakeUpstream.account('a').answers(turn.response);
      const client = begin(pool);
      turn.send(created(), delta('words'), completed(usage));
      await untilEvent(client, completed());
      turn.reset();
      expect((await client.whole()).isBroken).toBe(true);
      expect(await resultOf(pool, client)).toBe('complete');
    }
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
  });
});

describe('a client that hangs up before the final event', () => {
  it('stops upstream, even if a delta mentions the name of the event', async () => {
    await using pool = await start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    turn.send(created(), delta('"type":"response.completed"'));
    await client.untilText('response.completed');
    client.leave();
    await pool.fakeUpstream.until((log) => log[0]?.closedEarly === true, 'its end', 1_000);
    expect(await resultOf(pool, client)).toBe('client-gone');
  });
});
