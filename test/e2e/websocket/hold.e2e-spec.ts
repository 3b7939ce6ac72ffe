import { afterEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { LITTLE_USED } from '../../../src/fake-upstream/script/quota.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { messages, messagesThen, type SocketStep } from '../../../src/fake-upstream/script/socket-script.js';
import { completed, created, delta, failed } from '../../../src/fake-upstream/script/turn-events.js';
import { errorEvent, rateLimits } from '../../../src/fake-upstream/websocket/events.js';
import { quotaHeaders } from '../../../src/fake-upstream/script/quota.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import { TestPool } from '../../support/pool/pool.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const limit = errorEvent(429, { type: 'usage_limit_reached' });
const budgetOf = (pool: TestPool): number => pool.running.app.get(ReplayBudget).bytes;

afterEach(() => {
  vi.useRealTimers();
});

/** The served turns in the metrics, which all pools of this process share. */
const turnsCounted = async (pool: TestPool): Promise<string> => {
  const { text } = await pool.client.get('/metrics').expect(200);
  return (text.match(/^codex_pool_turns_total\{.*$/gm) ?? []).join();
};

/** Starts a turn on `a` that is silent until `goOn` is called. `steps` come before the silence. */
async function silentTurn(pool: TestPool, before: readonly SocketStep[], after: readonly SocketStep[]) {
  const gate = Promise.withResolvers<void>();
  const response = messages(...before, { gate: gate.promise }, ...after);
  pool.fakeUpstream.account('a').sockets.answers(response);
  const client = await SocketClient.connect(pool.origin);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const got = client.turn();
  await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.attempts().length === 1, 'the turn');
  return { client, got, goOn: gate.resolve };
}

/** Resolves when everything that upstream has sent so far has been read by the proxy. */
async function roundTrip(pool: TestPool, client: SocketClient): Promise<void> {
  const [socket] = pool.fakeUpstream.sockets.list;
  const pongs = socket?.pongs.length ?? 0;
  socket?.ping();
  await pool.fakeUpstream.until(() => (socket?.pongs.length ?? 0) > pongs, 'a pong');
  client.ping();
  await client.until(() => client.pongs.length > 0, 'a pong');
}

describe('the hold of a turn on a WebSocket', () => {
  it.each([10, 15, 60])(
    'lasts through %i silent seconds, so that a refusal after them still moves the turn',
    async (seconds) => {
      await using pool = await TestPool.start({ env: fillFirst });
      const { client, got, goOn } = await silentTurn(pool, [], [limit]);
      await using _client = client;
      await vi.advanceTimersByTimeAsync(seconds * 1_000 + 100);
      goOn();
      expect((await got).map(typeOf).at(-1)).toBe('response.completed');
      vi.useRealTimers();
      expect(client.messages.map(typeOf)).not.toContain('error');
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
      expect(await pool.account('a')).toMatchObject({
        reason: 'quota-exhausted',
        inFlight: 0,
        totals: { turns: 0 },
      });
      expect(await pool.account('b')).toMatchObject({ totals: { turns: 1 } });
    },
  );

  it('ends 10 s after the first message: the turn is committed, and a refusal comes too late', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const { client, got, goOn } = await silentTurn(
      pool,
      [created('resp_1')],
      [failed('usage_limit_reached')],
    );
    await using _client = client;
    await roundTrip(pool, client);
    await vi.advanceTimersByTimeAsync(limits.peekMs - 100);
    await roundTrip(pool, client);
    expect(client.messages).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await client.until(() => client.messages.length === 1, 'the held message');
    goOn();
    expect((await got).map(typeOf)).toEqual(['response.created', 'response.failed']);
    vi.useRealTimers();
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    await expect.poll(async () => (await pool.account('a')).reason).toBe('quota-exhausted');
    expect(await pool.account('a')).toMatchObject({ totals: { turns: 0 } });
  });

  it('ends after a mebibyte without output', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const large = { type: 'response.in_progress', padding: 'x'.repeat(limits.peekBytes) };
    pool.fakeUpstream.account('a').sockets.answers(messages(created(), large, limit));
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.turn()).map(typeOf)).toEqual(['response.created', 'response.in_progress', 'error']);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
  });

  it('learns the quota in messages of a turn that is refused', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const told = rateLimits(quotaHeaders([{ usedPercent: 93, windowSeconds: 18_000 }, null], 'plus'));
    pool.fakeUpstream.account('a').sockets.answers(messages(told, limit));
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(JSON.stringify((await pool.account('a')).windows)).toContain('0.93');
  });
});

describe('a message that is kept for another account', () => {
  it('counts towards the replay budget until the first output', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const [gate, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    pool.fakeUpstream
      .account('a')
      .sockets.answers(
        messages(created(), { gate: gate.promise }, delta('x'), { gate: rest.promise }, completed()),
      );
    await using client = await SocketClient.connect(pool.origin);
    const text = JSON.stringify(responseCreate(client.session, { instructions: 'x'.repeat(300_000) }));
    client.send(text);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.attempts().length === 1, 'the turn');
    expect(budgetOf(pool)).toBe(Buffer.byteLength(text));
    gate.resolve();
    await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'output');
    expect(budgetOf(pool)).toBe(0);
    rest.resolve();
    await client.untilTurnEnds();
  });

  it.each(['refused', 'cut', 'left'])('returns its room when the turn is %s', async (how) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const response =
      how === 'refused' ? usageLimit() : messagesThen(how === 'cut' ? 'cut' : 'hang', created());
    pool.fakeUpstream.account('a').sockets.always(response);
    await using client = await SocketClient.connect(pool.origin);
    const got = client.turn();
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.attempts().length > 0, 'the turn');
    if (how === 'left') client.cut();
    await got;
    await expect.poll(() => budgetOf(pool)).toBe(0);
  });

  it('is not kept above PROXY_MAX_REPLAY_BYTES: after a refusal the client sends it again', async () => {
    await using pool = await TestPool.start({ env: { ...fillFirst, PROXY_MAX_REPLAY_BYTES: '1000' } });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    const fields = { instructions: 'x'.repeat(2_000) };
    expect(await client.turn(fields)).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expect((await again.turn(fields)).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
  });

  it('is recognized above 64 KiB, even if its type does not come first', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    const { type, ...fields } = {
      type: 'response.create',
      ...responseCreate(client.session, { instructions: 'x'.repeat(100_000) }),
    };
    client.send(JSON.stringify({ ...fields, type }));
    expect((await client.untilTurnEnds()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(await pool.account('b')).toMatchObject({ totals: { turns: 1 } });
  });
});

describe('a prewarm', () => {
  it('fails over, and is not counted as a turn in the usage records or the metrics', async () => {
    await using pool = await TestPool.start({
      env: fillFirst,
      prepare: (it) => void it.account('b').usage(...LITTLE_USED),
    });
    const before = await turnsCounted(pool);
    pool.fakeUpstream.account('a').sockets.prewarms(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.prewarm()).map(typeOf)).toEqual(['response.created', 'response.completed']);
    expect(pool.fakeUpstream.sockets.prewarms().map((it) => it.account)).toEqual(['a', 'b']);
    for (const name of ['a', 'b'])
      expect(await pool.account(name)).toMatchObject({ inFlight: 0, totals: { turns: 0 } });
    expect(await turnsCounted(pool)).toBe(before);
    expect(await pool.account('a')).toMatchObject({ reason: 'quota-exhausted' });
    const { body } = await pool.client.get('/admin/usage').expect(200);
    expect(JSON.stringify(body)).not.toMatch(/"turns":[1-9]/);
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['b']);
    expect(await turnsCounted(pool)).not.toBe(before);
    expect(await pool.account('b')).toMatchObject({ totals: { turns: 1 } });
  });
});
