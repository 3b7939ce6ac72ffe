import { describe, expect, it } from 'vitest';
import { raw, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import {
  completed,
  created,
  delta,
  failed,
  framed,
  incomplete,
  messageAdded,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR, MINUTE } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectQuiet,
  expectTurnOf,
  free,
  out,
  type Standing,
  standing,
  startRanked,
} from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';
import { send as exchange, turnWith } from '../../support/clients/raw-http.js';

const inSession = { headers: { 'session-id': 'a-session' } };
const begun = [created(), messageAdded(), delta('one '), delta('two '), delta('three')];

/** A turn that ends with these events after three deltas. */
const failingWith = (...events: TurnEvent[]) => streams({ events: [...begun, ...events] });

const recordOf = async (pool: TestPool, id: unknown) =>
  (await pool.client.get(`/admin/requests/${String(id)}`).expect(200)).body as unknown;

/** Starts a pool and sends the first turn of a session, which `a` ends with these events after three deltas. */
async function afterFailure(...events: TurnEvent[]) {
  const clock = new FakeClock();
  const pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
  pool.fakeUpstream.account('a').answers(failingWith(...events));
  const received = await send(pool, inSession);
  return { pool, clock, received };
}

describe('a limit after three deltas', () => {
  it('is passed on unchanged, and another account serves the next turn of the session', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
    const resetsAt = Math.floor(clock.now() / 1_000) + 7_200;
    const events = [...begun, failed('usage_limit_reached', 'no', { resets_at: resetsAt })];
    const bytes = Buffer.from(events.map((it) => framed(it)).join(''));
    pool.fakeUpstream.account('a').answers(raw(bytes));
    const received = await send(pool, inSession);
    expect(received).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(received.body.equals(bytes)).toBe(true);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', resetsAt * 1_000));
    expect(await recordOf(pool, received.headers['x-codex-pool-request'])).toMatchObject({
      result: 'failed',
      attempts: [{ account: 'a', outcome: 'success', failedLate: 'quota-exhausted' }],
    });
    expectTurnOf('b', await send(pool, inSession));
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    await expectQuiet(pool);
  });

  it('is recognized even when it arrives one byte at a time, with CRLF and without event lines', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
    const events = [...begun, failed('usage_limit_reached', 'no', { resets_in_seconds: 3_600 })];
    const text = events.map((it) => framed(it, '\r\n').replaceAll(/^event:.*\r\n/gm, '')).join('');
    const bytes = Buffer.from(text);
    pool.fakeUpstream.account('a').answers(raw(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1))));
    expect((await send(pool, inSession)).body.equals(bytes)).toBe(true);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + HOUR));
  });

  it('is recorded even if the client leaves as soon as it has read it', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = exchange(pool.origin, turnWith('{"model":"gpt-5.5","stream":true,"input":[]}'));
    for (const it of [...begun, failed('usage_limit_reached')]) turn.send(it);
    await client.untilText('usage_limit_reached');
    client.leave();
    await expect.poll(() => standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + 5 * MINUTE));
    await expectQuiet(pool);
  });

  it('counts the reported tokens but no turn', async () => {
    const usage = {
      input_tokens: 70,
      input_tokens_details: { cached_tokens: 20 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 1 },
    };
    const response = { id: 'resp_1', status: 'failed', error: { code: 'usage_limit_reached' }, usage };
    const { pool, received } = await afterFailure({ type: 'response.failed', response });
    await using _pool = pool;
    expect(received.status).toBe(200);
    expect(await pool.account('a')).toMatchObject({
      totals: { turns: 0, input: 70, cached: 20, output: 3, reasoning: 1 },
    });
    await pool.client.get('/metrics').expect(200, /codex_pool_tokens_total\{account="a",kind="input"\} 70/);
    const { text } = await pool.client.get('/metrics').expect(200);
    expect(text).not.toMatch(/codex_pool_turns_total\{account="a"\} [1-9]/);
  });
});

const minutes = (count: number) => (clock: FakeClock) => out('quota-exhausted', clock.now() + count * MINUTE);
const stillFree = () => free;
const deactivated = () => out('deactivated', null);
const errorEvent = (error: object): TurnEvent => ({ type: 'error', ...error });

describe('an event after output', () => {
  it.each<[string, TurnEvent, string, (clock: FakeClock) => Standing, 'a' | 'b']>([
    ['insufficient_quota', failed('insufficient_quota'), 'quota-exhausted', minutes(5), 'b'],
    ['quota_exceeded', failed('quota_exceeded'), 'quota-exhausted', minutes(5), 'b'],
    [
      'a nested error with a limit',
      errorEvent({ error: { type: 'usage_limit_reached', resets_in_seconds: 600 } }),
      'quota-exhausted',
      minutes(10),
      'b',
    ],
    [
      'a flat error with a limit',
      errorEvent({ code: 'usage_limit_reached' }),
      'quota-exhausted',
      minutes(5),
      'b',
    ],
    [
      'rate_limit_exceeded',
      failed('rate_limit_exceeded', 'Please try again in 30s.'),
      'rate-limited',
      (clock) => out('rate-limited', clock.now() + 30_000),
      'b',
    ],
    ['account_deactivated', failed('account_deactivated'), 'deactivated', deactivated, 'b'],
    ['deactivated_workspace', failed('deactivated_workspace'), 'deactivated', deactivated, 'b'],
    ['usage_not_included', failed('usage_not_included'), 'not-entitled', stillFree, 'b'],
    ['server_is_overloaded', failed('server_is_overloaded'), 'overloaded', stillFree, 'b'],
    ['a failure of the turn', failed('context_length_exceeded'), 'turn-failed', stillFree, 'a'],
    ['a failure without a code', { type: 'response.failed', response: {} }, 'turn-failed', stillFree, 'a'],
  ])('leaves the same evidence as before output: %s', async (_case, event, kind, expected, next) => {
    const { pool, clock, received } = await afterFailure(event);
    await using _pool = pool;
    expect(received.status).toBe(200);
    expect(received.body.toString()).toContain(framed(event));
    expect(await standing(pool, 'a')).toEqual(expected(clock));
    expect(await standing(pool, 'b')).toEqual(free);
    expect(await recordOf(pool, received.headers['x-codex-pool-request'])).toMatchObject({
      result: 'failed',
      attempts: [{ account: 'a', failedLate: kind }],
    });
    expectTurnOf(next, await send(pool, inSession));
  });

  it.each<[string, TurnEvent[]]>([
    ['an incomplete response', [incomplete('max_output_tokens')]],
    ['a completed response after an error', [errorEvent({ code: 'usage_limit_reached' }), completed()]],
    [
      'model output that mentions a limit',
      [delta('"type":"response.failed" usage_limit_reached'), completed()],
    ],
  ])('counts as a success: %s', async (_case, events) => {
    const { pool, received } = await afterFailure(...events);
    await using _pool = pool;
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await recordOf(pool, received.headers['x-codex-pool-request'])).toMatchObject({
      result: 'complete',
      attempts: [{ failedLate: null }],
    });
    expect(await pool.account('a')).toMatchObject({ totals: { turns: 1 } });
  });

  it('leaves the session in place after an overload when no other account can serve', async () => {
    const { pool } = await afterFailure(failed('server_is_overloaded'));
    await using _pool = pool;
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    expect((await send(pool, inSession)).headers['x-codex-pool-account']).toBe('a');
  });
});
