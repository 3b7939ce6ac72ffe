import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hangs, large, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { completed, created, delta, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { Program } from '../../support/program/child-process.js';
import { metric } from '../../support/clients/forwarded-requests.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';

const MiB = 1_024 * 1_024;
const body = JSON.stringify(aTurn());
const usage = { input: 4_321, cached: 1_234, output: 987, reasoning: 65 };

afterEach(() => {
  vi.useRealTimers();
});

describe('from the first output on', () => {
  it('each chunk reaches the client before the next one is sent, including the last', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    await turn.started;
    turn.send(created());
    const delays: number[] = [];
    for (let i = 0; i < 50; i += 1) {
      const sentAt = performance.now();
      turn.send(delta(`piece-${i}.`));
      await client.untilText(`piece-${i}.`);
      delays.push((client.pieces.at(-1)?.at ?? Infinity) - sentAt);
      expect(client.text).not.toContain(`piece-${i + 1}.`);
    }
    turn.send(completed());
    await client.untilText('response.completed'); // while the upstream response is still open
    turn.end();
    expect((await client.whole()).isBroken).toBe(false);
    expect(Math.max(...delays)).toBeLessThan(500);
    expect(delays.toSorted((a, b) => a - b)[25]).toBeLessThan(50);
  });

  it('the head and the first event reach the client while the response is open', async () => {
    await using pool = await TestPool.start();
    const turn = controlled({ 'x-made-up': '1' });
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    turn.send(delta('early'));
    expect((await client.head).headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-made-up': '1',
      'x-codex-pool-account': 'a',
    });
    await client.untilText('early');
    turn.end();
    await client.whole();
  });

  it('a partial event is passed on as far as it has arrived', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    turn.send(delta('first'), { bytes: Buffer.from('data: {"type":"response.outp') });
    await client.untilText('{"type":"response.outp');
    turn.cut();
    expect((await client.whole()).isBroken).toBe(true);
  });
});

describe('the events before the output', () => {
  it('are held, then arrive complete and in order', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    await turn.started;
    const prelude = [created('resp_1'), { type: 'codex.rate_limits' }, { type: 'response.metadata' }];
    turn.send({ comment: 'ping' }, ...prelude);
    // Several round trips on the same path, so that the prelude would have arrived long ago.
    for (let i = 0; i < 3; i += 1) await pool.turn().expect(200);
    expect(client.hasHead).toBe(false);
    turn.send(delta('out'));
    turn.end();
    const expected = `: ping\n\n${[...prelude, delta('out')].map((it) => framed(it)).join('')}`;
    expect((await client.whole()).body.toString()).toBe(expected);
  });

  it('are passed on without output after ten seconds', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = send(pool.origin, turnWith(body));
    await turn.started;
    turn.send(created('resp_1'));
    // A round trip on the same path: the stream is held by now.
    await call(pool.origin, turnWith(body));
    await vi.advanceTimersByTimeAsync(9_900);
    await call(pool.origin, turnWith(body));
    expect(client.hasHead).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await client.untilText('resp_1');
    turn.end();
    vi.useRealTimers();
    await client.whole();
  });

  it('are passed on without output after a mebibyte', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    turn.send(created(), { comment: 'x'.repeat(MiB) }, { comment: 'the end of the prelude' });
    await client.untilText('the end of the prelude');
    turn.end();
    expect((await client.whole()).isBroken).toBe(false);
  });
});

describe('a client that leaves', () => {
  it.each([
    ['while upstream is silent', hangs()],
    ['before the output', streams({ events: [created()], thenHang: true })],
    ['in the middle of the output', streams({ deltas: ['hel'], thenHang: true })],
  ])('%s stops upstream within a second, and nothing else', async (_when, response) => {
    await using pool = await TestPool.start();
    const before = await pool.account('a');
    pool.fakeUpstream.account('a').answers(response);
    const client = send(pool.origin, turnWith(body));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.attempts().length === 1, 'the turn');
    if (response.kind === 'stream' && _when.startsWith('in the')) await client.untilText('hel');
    expect(await pool.account('a')).toMatchObject({ inFlight: 1 });
    client.leave();
    await pool.fakeUpstream.until(
      () => pool.fakeUpstream.turns()[0]?.closedEarly === true,
      'the end of the turn',
      1_000,
    );
    const after = await pool.account('a');
    expect(after).toMatchObject({ available: true, inFlight: 0, reason: before.reason, until: before.until });
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
  });
});

describe('the tokens of a turn', () => {
  it('are counted when the final event comes after 20 MB', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').answers(large(20 * MiB, usage));
    expect((await call(pool.origin, turnWith(body))).body.length).toBeGreaterThan(20 * MiB);
    expect(await pool.account('a')).toMatchObject({ totals: { ...usage, turns: 1 } });
  });

  it('are counted when the final event itself has 3 MB', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const final = completed(usage);
    const output = [{ type: 'message', content: 'x'.repeat(3_000_000), usage: { input_tokens: 1 } }];
    const response = { output, ...(typeof final['response'] === 'object' ? final['response'] : {}) };
    pool.fakeUpstream.account('a').answers(streams({ events: [delta('hello'), { ...final, response }] }));
    expect((await call(pool.origin, turnWith(body))).body.length).toBeGreaterThan(3_000_000);
    expect(await pool.account('a')).toMatchObject({ totals: { ...usage, turns: 1 } });
  });

  it('are not counted when the stream breaks off before reporting them', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').answers(streams({ deltas: ['hel'], thenCut: true }));
    const response = await call(pool.origin, turnWith(body));
    expect(response.isBroken).toBe(true);
    expect(await pool.account('a')).toMatchObject({ totals: { input: 0, output: 0 }, inFlight: 0 });
    const { body: record } = await pool.client
      .get(`/admin/requests/${String(response.headers['x-codex-pool-request'])}`)
      .expect(200);
    expect(record).toMatchObject({ result: 'cut' });
  });
});

describe('memory', () => {
  it('does not grow with a response of 200 MB that is read slowly', { timeout: 40_000 }, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using program = await Program.spawn({ fakeUpstream, accounts: ['a'] });
    const origin = await program.origin();
    const residentBytes = async () =>
      metric((await call(origin, { path: '/metrics' })).body.toString(), 'process_resident_memory_bytes');
    fakeUpstream.account('a').answers(streams(), large(200 * MiB));
    // A short turn first, to exclude the memory that a process takes with its first work.
    const fast = (await send(origin, { ...turnWith(body), isRead: false }).head).resume();
    await once(fast, 'end');
    const before = await residentBytes();
    const response = await send(origin, { ...turnWith(body), isRead: false }).head;
    let read = 0;
    let most = 0;
    for await (const chunk of response) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError('not bytes');
      const isNextStep = Math.floor((read + chunk.length) / (4 * MiB)) > Math.floor(read / (4 * MiB));
      read += chunk.length;
      // The reader pauses while it polls, so upstream runs ahead as far as it may.
      if (isNextStep) most = Math.max(most, (await residentBytes()) - before);
    }
    expect(read).toBeGreaterThan(200 * MiB);
    expect(most).toBeLessThan(32 * MiB);
  });
});
