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

/** A turn that fails in this way after three deltas. */
const failingWith = (...events: TurnEvent[]) => streams({ events: [...begun, ...events] });

const decisionOf = async (pool: TestPool, id: unknown) =>
  (await pool.client.get(`/admin/requests/${String(id)}`).expect(200)).body as unknown;

/** A pool whose account `a` answers the session's first turn so; what became of it. */
async function afterFailure(...events: TurnEvent[]) {
  const clock = new FakeClock();
  const pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
  pool.fakeUpstream.account('a').answers(failingWith(...events));
  const answer = await send(pool, inSession);
  return { pool, clock, answer };
}

describe('a limit after three deltas', () => {
  it('is passed on as it came, and the next turn of the session is another account’s', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
    const resetsAt = Math.floor(clock.now() / 1_000) + 7_200;
    const events = [...begun, failed('usage_limit_reached', 'no', { resets_at: resetsAt })];
    const bytes = Buffer.from(events.map((it) => framed(it)).join(''));
    pool.fakeUpstream.account('a').answers(raw(bytes));
    const answer = await send(pool, inSession);
    expect(answer).toMatchObject({ status: 200, isBroken: false, headers: { 'x-codex-pool-account': 'a' } });
    expect(answer.body.equals(bytes)).toBe(true);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', resetsAt * 1_000));
    expect(await decisionOf(pool, answer.headers['x-codex-pool-request'])).toMatchObject({
      result: 'failed',
      attempts: [{ account: 'a', outcome: 'success', failedLate: 'quota-exhausted' }],
    });
    expectTurnOf('b', await send(pool, inSession));
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    await expectQuiet(pool);
  });

  it('is learned byte by byte, with carriage returns and without event lines', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
    const events = [...begun, failed('usage_limit_reached', 'no', { resets_in_seconds: 3_600 })];
    const text = events.map((it) => framed(it, '\r\n').replaceAll(/^event:.*\r\n/gm, '')).join('');
    const bytes = Buffer.from(text);
    pool.fakeUpstream.account('a').answers(raw(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1))));
    expect((await send(pool, inSession)).body.equals(bytes)).toBe(true);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + HOUR));
  });

  it('is learned although the client leaves as soon as it has read it', async () => {
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

  it('counts the tokens that it reports, and no turn', async () => {
    const usage = {
      input_tokens: 70,
      input_tokens_details: { cached_tokens: 20 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 1 },
    };
    const response = { id: 'resp_1', status: 'failed', error: { code: 'usage_limit_reached' }, usage };
    const { pool, answer } = await afterFailure({ type: 'response.failed', response });
    await using _pool = pool;
    expect(answer.status).toBe(200);
    expect(await pool.account('a')).toMatchObject({
      totals: { turns: 0, input: 70, cached: 20, output: 3, reasoning: 1 },
    });
    await pool.client.get('/metrics').expect(200, /codex_pool_tokens_total\{account="a",kind="input"\} 70/);
    const { text } = await pool.client.get('/metrics').expect(200);
    expect(text).not.toMatch(/codex_pool_turns_total\{account="a"\} [1-9]/);
  });
});

const minutes = (count: number) => (clock: FakeClock) => out('quota-exhausted', clock.now() + count * MINUTE);
const nothing = () => free;
const deactivated = () => out('deactivated', null);
const top = (error: object): TurnEvent => ({ type: 'error', ...error });

describe('an event after output', () => {
  it.each<[string, TurnEvent, string, (clock: FakeClock) => Standing, 'a' | 'b']>([
    ['insufficient_quota', failed('insufficient_quota'), 'quota-exhausted', minutes(5), 'b'],
    ['quota_exceeded', failed('quota_exceeded'), 'quota-exhausted', minutes(5), 'b'],
    [
      'a nested error with a limit',
      top({ error: { type: 'usage_limit_reached', resets_in_seconds: 600 } }),
      'quota-exhausted',
      minutes(10),
      'b',
    ],
    ['a flat error with a limit', top({ code: 'usage_limit_reached' }), 'quota-exhausted', minutes(5), 'b'],
    [
      'rate_limit_exceeded',
      failed('rate_limit_exceeded', 'Please try again in 30s.'),
      'rate-limited',
      (clock) => out('rate-limited', clock.now() + 30_000),
      'b',
    ],
    ['account_deactivated', failed('account_deactivated'), 'deactivated', deactivated, 'b'],
    ['deactivated_workspace', failed('deactivated_workspace'), 'deactivated', deactivated, 'b'],
    ['usage_not_included', failed('usage_not_included'), 'not-entitled', nothing, 'b'],
    ['server_is_overloaded', failed('server_is_overloaded'), 'overloaded', nothing, 'b'],
    ['a failure of the turn', failed('context_length_exceeded'), 'turn-failed', nothing, 'a'],
    ['a failure without a code', { type: 'response.failed', response: {} }, 'turn-failed', nothing, 'a'],
  ])('%s: the same evidence as before output', async (_case, event, kind, stands, next) => {
    const { pool, clock, answer } = await afterFailure(event);
    await using _pool = pool;
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain(framed(event));
    expect(await standing(pool, 'a')).toEqual(stands(clock));
    expect(await standing(pool, 'b')).toEqual(free);
    expect(await decisionOf(pool, answer.headers['x-codex-pool-request'])).toMatchObject({
      result: 'failed',
      attempts: [{ account: 'a', failedLate: kind }],
    });
    expectTurnOf(next, await send(pool, inSession));
  });

  it.each<[string, TurnEvent[]]>([
    ['an incomplete response', [incomplete('max_output_tokens')]],
    ['a completed response after an error', [top({ code: 'usage_limit_reached' }), completed()]],
    [
      'words of the model about a limit',
      [delta('"type":"response.failed" usage_limit_reached'), completed()],
    ],
  ])('%s is a success', async (_case, events) => {
    const { pool, answer } = await afterFailure(...events);
    await using _pool = pool;
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await decisionOf(pool, answer.headers['x-codex-pool-request'])).toMatchObject({
      result: 'complete',
      attempts: [{ failedLate: null }],
    });
    expect(await pool.account('a')).toMatchObject({ totals: { turns: 1 } });
  });

  it('an overload leaves the session where it is when no other account can serve', async () => {
    const { pool } = await afterFailure(failed('server_is_overloaded'));
    await using _pool = pool;
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    expect((await send(pool, inSession)).headers['x-codex-pool-account']).toBe('a');
  });
});
