import { describe, expect, it } from 'vitest';
import type { Answer } from '../src/stand-in/answer.js';
import { dropsConnection, hangs, refuses, streams } from '../src/stand-in/answers.js';
import { controlled } from '../src/stand-in/controlled-turn.js';
import { edgeBlock, overloaded } from '../src/stand-in/refusals.js';
import { created, delta } from '../src/stand-in/turn-events.js';
import { polled } from './support/polled.js';
import { TestPool } from './support/pool.js';
import { deltasIn, leavingTurn, send } from './support/raw-client.js';

const serverError = refuses(500, { error: { message: 'oops', type: 'server_error' } });

describe('faults of the network and of upstream', () => {
  it('breaks the stream off when upstream dies after its first output, and sends the turn nowhere else', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.standIn.account('a').answers(streams({ deltas: ['one', 'two', 'three'], thenCut: true }));
    const answer = await send(pool);
    expect(answer).toMatchObject({ status: 200, isBroken: true });
    expect(deltasIn(answer.body)).toEqual(['one', 'two', 'three']);
    expect(pool.standIn.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('breaks the stream off when upstream resets it long after its first output', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const turn = controlled();
    pool.standIn.account('a').answers(turn.answer);
    const answering = send(pool);
    await turn.started;
    turn.send(created(), delta('one'));
    await expect.poll(async () => (await pool.account('a')).lastSuccessAt).not.toBeNull();
    turn.send(delta('two'));
    turn.cut();
    const answer = await answering;
    expect(answer.isBroken).toBe(true);
    expect(deltasIn(answer.body)).toEqual(['one', 'two']);
    expect(pool.standIn.attempts()).toEqual(['a']);
  });

  it('tries another account when a stream dies before its first output', async () => {
    await using pool = await TestPool.start({ env: { PROXY_MAX_ATTEMPTS: '3' } });
    await polled(pool);
    const dies = streams({ events: [created('resp_of_a')], thenCut: true });
    pool.standIn.account('a').answers(dies, dies);
    const answer = await pool.turn().expect(200);
    expect(pool.standIn.attempts()).toEqual(['a', 'a', 'b']);
    expect(answer.body).not.toContain('resp_of_a');
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it.each([
    ['an upstream error', serverError],
    ['a dropped connection', dropsConnection()],
  ])('asks the same account again after %s, and another one after the second', async (_case, fault) => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.standIn.account('a').answers(fault);
    const first = await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(first.headers['x-codex-pool-account']).toBe('a');
    expect(pool.standIn.attempts()).toEqual(['a', 'a']);
    pool.standIn.account('a').answers(fault, fault, fault);
    const second = await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(second.headers['x-codex-pool-account']).toBe('b');
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it('repeats a request on a kept connection that has died at no cost to the budget', async () => {
    await using pool = await TestPool.start({ env: { PROXY_MAX_ATTEMPTS: '1' } });
    await polled(pool);
    await pool.turn().expect(200);
    pool.standIn.account('a').answers(dropsConnection());
    await pool.turn().expect(200);
    expect(pool.standIn.attempts()).toEqual(['a', 'a', 'a']);
  });

  it('takes an account out after the third upstream error in a row', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.standIn.account('a').always(serverError);
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(await pool.account('a')).toMatchObject({ available: true });
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
  });

  it('says that the edge blocks when it blocks two accounts, and blames neither', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'] });
    await polled(pool);
    for (const name of ['a', 'b', 'c']) pool.standIn.account(name).always(edgeBlock());
    const answer = await send(pool);
    expect(pool.standIn.attempts()).toEqual(['a', 'b']);
    expect(answer.headers).toMatchObject({ 'x-codex-pool-error': 'upstream_blocked' });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'upstream_blocked' } });
    expect(answer.body.toString()).not.toContain('<html');
    for (const name of ['a', 'b']) expect(await pool.account(name)).toMatchObject({ available: true });
  });

  it('passes an overload on as it is when a second account meets it too, and blames neither', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'] });
    await polled(pool);
    for (const name of ['a', 'b']) pool.standIn.account(name).answers(overloaded());
    const answer = await send(pool);
    expect(pool.standIn.attempts()).toEqual(['a', 'b']);
    expect(answer.status).toBe(503);
    expect(answer.body.equals(overloaded().body)).toBe(true);
    expect(answer.headers).not.toHaveProperty('x-codex-pool-error');
    for (const name of ['a', 'b']) expect(await pool.account(name)).toMatchObject({ available: true });
  });

  it('says that upstream cannot be reached while it is down, and blames no account', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    await pool.standIn.goDown();
    const answer = await send(pool);
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'retry-after': '2',
      'x-codex-pool-error': 'upstream_unreachable',
    });
    for (const name of ['a', 'b']) expect(await pool.account(name)).toMatchObject({ available: true });
    await pool.standIn.reopen();
    await pool.turn().expect(200);
  });

  it.each<[string, () => Answer]>([
    ['has not answered', () => hangs()],
    ['has sent nothing that can be shown', () => streams({ events: [created()], thenHang: true })],
    ['is silent between two deltas', () => streams({ deltas: ['one'], thenHang: true })],
  ])('stops upstream within a second when the client leaves while it %s', async (_case, answer) => {
    await using pool = await TestPool.start();
    await polled(pool);
    const before = await pool.account('a');
    pool.standIn.account('a').answers(answer());
    const client = leavingTurn(pool);
    await pool.standIn.until(() => pool.standIn.turns().length === 1, 'the turn');
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(1);
    client.leave();
    await pool.standIn.until(() => pool.standIn.turns()[0]?.closedEarly === true, 'its end', 1_000);
    await expect.poll(async () => (await pool.account('a')).inFlight, { timeout: 1_000 }).toBe(0);
    const { available, reason, until, refresh } = before;
    expect(await pool.account('a')).toMatchObject({ available, reason, until, refresh });
    expect(pool.standIn.attempts()).toEqual(['a']);
  });
});
