import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import {
  dropsConnection,
  hangs,
  raw,
  refuses,
  streams,
} from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { created, delta, failed, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import {
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { deltasIn, leavingTurn, send } from '../../support/clients/raw-client.js';

const serverError = refuses(500, { error: { message: 'oops', type: 'server_error' } });
const ofA = { 'x-served-by': 'a' };

/** A refusal, its status, and its body as text. */
const whole = (error: object): [ScriptedResponse, number, string] => [
  refuses(503, { error }),
  503,
  JSON.stringify({ error }),
];
const stream = (code: string, message: string): [ScriptedResponse, number, string] => {
  const text = framed(created()) + framed(failed(code, message));
  return [raw(Buffer.from(text)), 200, text];
};

describe('unreachable', () => {
  // Each test waits for the pause before its second attempt. Run concurrently, they wait once.
  it.concurrent.each<[string, ScriptedResponse]>([
    ['a closed connection', dropsConnection()],
    ['a stream that closes before any output', streams({ events: [created('resp_of_a')], thenCut: true })],
    [
      'a stream that is reset before any output',
      streams({ events: [created('resp_of_a')], thenReset: true }),
    ],
  ])(
    '%s is retried once on the same account, then moves the turn, and takes no account out',
    async (...row) => {
      const [, fault] = row;
      await using pool = await startRanked({ clock: new FakeClock() });
      pool.fakeUpstream.account('a').answers(fault, raw(turnOf('a'), ofA));
      await isServedBy(pool, 'a');
      expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
      // The first attempt reuses a connection. It may have broken from age, so the retry is free.
      const again = await movesToB(pool, [fault, fault, fault]);
      expect(again.filter((it) => it === 'b')).toEqual(['b']);
      expect(again.at(-1)).toBe('b');
      for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    },
  );

  it('through a dead keep-alive connection is retried at once and free of the budget', async () => {
    await using pool = await startRanked({ env: { PROXY_MAX_ATTEMPTS: '1' } });
    await isServedBy(pool, 'a');
    pool.fakeUpstream.account('a').answers(dropsConnection());
    await isServedBy(pool, 'a');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a']);
  });
});

describe('upstream-error', () => {
  it.concurrent.each([500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 528, 529])(
    '%i is retried once on the same account, then moves the turn, and takes no account out',
    async (status) => {
      await using pool = await startRanked({ clock: new FakeClock() });
      const fault = refuses(status, 'oops', { 'content-type': 'text/plain' });
      expect(await movesToB(pool, [fault, fault])).toEqual(['a', 'a', 'b']);
      for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    },
  );

  it.concurrent('takes the account out at the third in a row, during the turn that gets it', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await movesToB(pool, [serverError, serverError]);
    expect(await movesToB(pool, [serverError, serverError])).toEqual(['a', 'a', 'b']);
    // The third in a row, and the retry.
    expect(await standing(pool, 'a')).toEqual(out('upstream-error', clock.now() + MINUTE));
    expect(await standing(pool, 'b')).toEqual(free);
    await isServedBy(pool, 'b');
    clock.advance(MINUTE);
    await isServedBy(pool, 'a');
  });

  it.concurrent('followed by a success on the same account resets the count', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    for (let turn = 1; turn <= 3; turn += 1) {
      pool.fakeUpstream.account('a').answers(serverError);
      await isServedBy(pool, 'a');
    }
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a', 'a', 'a', 'a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it.concurrent('takes the account out for 30 s, doubling up to 5 minutes, ended by time or by a later poll', async () => {
    const clock = new FakeClock();
    // One attempt per turn, so that the errors are counted one by one.
    await using pool = await startRanked({ accounts: ['a'], clock, env: { PROXY_MAX_ATTEMPTS: '1' } });
    const fails = async () => {
      pool.fakeUpstream.account('a').answers(serverError);
      const { status, headers } = await send(pool);
      expect([status, headers['x-codex-pool-account']]).toEqual([expect.toBeOneOf([429, 503]), undefined]);
    };
    await fails();
    await fails();
    expect(await standing(pool, 'a')).toEqual(free);
    for (const seconds of [30, 60, 120, 240, 300, 300]) {
      await fails();
      expect(await standing(pool, 'a')).toEqual(out('upstream-error', clock.now() + seconds * SECOND));
      clock.advance(seconds * SECOND);
      expect(await standing(pool, 'a')).toEqual(free);
    }
    await isServedBy(pool, 'a');
    for (let turn = 1; turn <= 3; turn += 1) await fails();
    expect(await standing(pool, 'a')).toEqual(out('upstream-error', clock.now() + 30 * SECOND));
    clock.advance(1);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('overloaded', () => {
  const capacity = 'Selected model is at capacity. Please try a different model.';
  it.each<[string, ScriptedResponse, number, string]>([
    ['503 server_is_overloaded', ...whole({ code: 'server_is_overloaded' })],
    ['503 slow_down without a limit', ...whole({ code: 'slow_down' })],
    ['503 “at capacity”', ...whole({ message: capacity })],
    ['a stream that begins with server_is_overloaded', ...stream('server_is_overloaded', 'no')],
    ['a stream that begins with slow_down without a limit', ...stream('slow_down', 'slow down')],
    ['a stream that begins with “at capacity”', ...stream('any', capacity)],
  ])(
    '%s moves the turn to one other account and takes no account out',
    async (_case, response, status, text) => {
      await using pool = await startRanked({ accounts: ['a', 'b', 'c'], clock: new FakeClock() });
      expect(await movesToB(pool, [response])).toEqual(['a', 'b']);
      for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(response);
      const passedOn = await send(pool);
      expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b', 'a', 'b']);
      expect(passedOn).toMatchObject({ status, isBroken: false, headers: { 'x-codex-pool-account': 'b' } });
      expect(passedOn.headers).not.toHaveProperty('x-codex-pool-error');
      expect(passedOn.body.toString()).toBe(text);
      for (const name of ['a', 'b', 'c']) expect(await standing(pool, name)).toEqual(free);
    },
  );
});

describe('cut', () => {
  it('breaks the stream off when upstream dies after the first output, without another attempt', async () => {
    await using pool = await startRanked();
    pool.fakeUpstream.account('a').answers(streams({ deltas: ['one', 'two', 'three'], thenCut: true }));
    const response = await send(pool);
    expect(response).toMatchObject({ status: 200, isBroken: true });
    expect(deltasIn(response.body)).toEqual(['one', 'two', 'three']);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ ...free, inFlight: 0 });
  });

  it('breaks the stream off when upstream resets it long after the first output', async () => {
    await using pool = await startRanked();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const pending = send(pool);
    await turn.started;
    turn.send(created(), delta('one'));
    await expect.poll(async () => (await pool.account('a')).lastSuccessAt).not.toBeNull();
    turn.send(delta('two'));
    turn.cut();
    const response = await pending;
    expect(response.isBroken).toBe(true);
    expect(deltasIn(response.body)).toEqual(['one', 'two']);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('client-gone', () => {
  it.each<[string, () => ScriptedResponse]>([
    ['has not responded', () => hangs()],
    ['has sent no output', () => streams({ events: [created()], thenHang: true })],
    ['is silent between two deltas', () => streams({ deltas: ['one'], thenHang: true })],
  ])(
    'stops the upstream request within a second when the client leaves while upstream %s',
    async (_case, response) => {
      await using pool = await startRanked();
      const before = await pool.account('a');
      pool.fakeUpstream.account('a').answers(response());
      const client = leavingTurn(pool);
      await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn');
      await expect.poll(async () => (await pool.account('a')).inFlight).toBe(1);
      client.leave();
      await pool.fakeUpstream.until(
        () => pool.fakeUpstream.turns()[0]?.closedEarly === true,
        'its end',
        1_000,
      );
      await expect.poll(async () => (await pool.account('a')).inFlight, { timeout: 1_000 }).toBe(0);
      const { available, reason, until, refresh } = before;
      expect(await pool.account('a')).toMatchObject({ available, reason, until, refresh });
      expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    },
  );
});
