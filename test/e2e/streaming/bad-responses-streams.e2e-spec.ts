import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { custom, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { created, failed, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import {
  expectQuiet,
  free,
  isServedBy,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { leavingTurn } from '../../support/clients/raw-client.js';
import { send as exchange, turnWith } from '../../support/clients/raw-http.js';

const KiB = 1_024;
const MiB = KiB * KiB;
const asking = turnWith(JSON.stringify(aTurn()));

afterEach(() => {
  vi.useRealTimers();
});

/** Stops the program's timers only; sockets and the tests' own waiting continue. */
const stopTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

/** Checks the aftermath: the next turn is fine, and nothing is left of the previous one. */
async function expectFine(pool: TestPool, name = 'a'): Promise<void> {
  vi.useRealTimers();
  await isServedBy(pool, name);
  await expectQuiet(pool);
}

/** A head, then silence until the other side leaves. */
const headOnly = (status: number, headers: Record<string, string>): ScriptedResponse =>
  custom((_req, res) => res.writeHead(status, headers).flushHeaders());

describe('a stream without any event', () => {
  it.each([
    [
      'one line without end',
      `data: {"type":"response.created","x":"${'y'.repeat(64 * KiB)}`,
      'y'.repeat(64 * KiB),
    ],
    ['lines without a blank one', 'data: x\n', 'data: y\n'.repeat(8 * KiB)],
    ['comments', ': hello\n', `: ${'z'.repeat(64 * KiB - 4)}\n\n`],
    ['bytes that are not text', '\0', '\xff\xfe'.repeat(16 * KiB)],
  ])('is held for a mebibyte, then passed on: %s', async (_what, first, piece) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const turn = controlled({ 'content-type': 'text/event-stream' }); // so that no start is too odd to be held
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = exchange(pool.origin, asking);
    await turn.started;
    const sent: Buffer[] = [];
    const pass = (text: string) => {
      sent.push(Buffer.from(text));
      turn.send({ bytes: Buffer.from(text) });
    };
    pass(first);
    for (let i = 0; i < 8; i += 1) pass(piece); // half of it
    for (let i = 0; i < 3; i += 1) await pool.client.get('/admin/accounts').expect(200);
    expect(client.hasHead).toBe(false);
    for (let i = 0; i < 10; i += 1) pass(piece);
    await client.until(() => client.body.length >= MiB, 'the held bytes');
    for (let i = 0; i < 30; i += 1) pass(piece);
    // It is committed: an error no longer moves it, and counts against its account.
    pass(`\n\n${framed(failed('usage_limit_reached'))}`);
    turn.end();
    const response = await client.whole();
    expect(response).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(response.body.equals(Buffer.concat(sent))).toBe(true);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect((await standing(pool, 'a')).reason).toBe('quota-exhausted');
    await expectFine(pool, 'b');
  });
});

describe('a head and then silence', () => {
  it('of a stream is held, committed ten seconds after its first byte, and breaks off with upstream', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const turn = controlled({ 'x-of': 'a' });
    pool.fakeUpstream.account('a').answers(turn.response);
    stopTimers();
    const client = exchange(pool.origin, asking);
    await turn.started;
    await isServedBy(pool, 'a'); // a round trip on the same path: the stream is held by now
    await vi.advanceTimersByTimeAsync(60_000);
    await isServedBy(pool, 'a');
    expect(client.hasHead).toBe(false);
    turn.send({ comment: 'first' });
    await isServedBy(pool, 'a');
    await vi.advanceTimersByTimeAsync(9_900);
    await isServedBy(pool, 'a');
    expect(client.hasHead).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect((await client.head).headers).toMatchObject({ 'x-of': 'a', 'x-codex-pool-account': 'a' });
    turn.cut();
    expect(await client.whole()).toMatchObject({
      status: 200,
      isBroken: true,
      body: Buffer.from(': first\n\n'),
    });
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a', 'a', 'a']);
    expect(await standing(pool, 'a')).toEqual(free);
    await expectFine(pool);
  });

  it('of a 429 fails over after five seconds and drops the connection two seconds later', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    pool.fakeUpstream
      .account('a')
      .answers(headOnly(429, { 'content-type': 'application/json', 'retry-after': '9' }));
    stopTimers();
    const client = exchange(pool.origin, asking);
    await expect.poll(() => pool.fakeUpstream.turns()[0]?.status).toBe(429);
    for (let i = 0; i < 3; i += 1) await pool.client.get('/admin/accounts').expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(5_000);
    const response = await client.whole();
    expect(response.body.equals(turnOf('b'))).toBe(true);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + 9 * SECOND));
    expect(pool.fakeUpstream.inFlight()).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    await pool.fakeUpstream.untilIdle();
    clock.advance(9 * SECOND);
    await expectFine(pool);
  });

  it('of a 422 is passed on after five seconds and ends with its client', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(headOnly(422, { 'content-type': 'application/json' }));
    stopTimers();
    const client = exchange(pool.origin, asking);
    await expect.poll(() => pool.fakeUpstream.turns()[0]?.status).toBe(422);
    for (let i = 0; i < 3; i += 1) await pool.client.get('/admin/accounts').expect(200);
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await client.head).statusCode).toBe(422);
    client.leave();
    await pool.fakeUpstream.untilIdle();
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
    await expectFine(pool);
  });
});

describe('a prelude', () => {
  it('that outlasts the hold is committed, and a later failure is passed on unchanged', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    stopTimers();
    const client = exchange(pool.origin, asking);
    await turn.started;
    const events = [
      created('resp_1'),
      { type: 'response.queued' },
      { type: 'codex.rate_limits' },
      { type: 'response.in_progress' },
    ];
    for (const event of [...events, ...events]) {
      turn.send(event);
      await pool.client.get('/admin/accounts').expect(200);
      await vi.advanceTimersByTimeAsync(1_240);
    }
    expect(client.hasHead).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await client.untilText('response.in_progress');
    const last = failed('usage_limit_reached');
    turn.send(last);
    turn.end();
    const response = await client.whole();
    expect(response.body.toString()).toBe([...events, ...events, last].map((it) => framed(it)).join(''));
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    await expectFine(pool, 'b');
  });
});

describe('a client that leaves between two attempts', () => {
  it.each<[string, ScriptedResponse]>([
    ['an upstream error', refuses(500, { error: 'oops' })],
    ['a stream that broke before its output', streams({ events: [created()], thenCut: true })],
  ])('stops the turn: after %s no account is asked again or blamed', async (_what, fault) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(fault);
    const client = leavingTurn(pool);
    const ended = () => pool.fakeUpstream.turns()[0]?.endedAt != null;
    await pool.fakeUpstream.until(ended, 'the end of the first attempt');
    client.leave(); // well within the pause before the second one
    await client.left;
    const { body } = await pool.client.get('/admin/requests').expect(200);
    const [{ id }] = body;
    await expect
      .poll(async () => (await pool.client.get(`/admin/requests/${id}`).expect(200)).body)
      .toMatchObject({ result: 'client gone' });
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await expectFine(pool);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
  });
});
