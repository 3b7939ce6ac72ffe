import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { messages } from '../../../src/fake-upstream/script/socket-script.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { FaultyRelay } from '../../support/network/faulty-relay.js';
import { TestPool } from '../../support/pool/pool.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
/** Time until a silent socket is given up, at the latest. */
const GIVEN_UP_MS = limits.socketPingMs + limits.socketPongMs + 10 * SECOND;

/** A pool behind a relay, and a clock that the test moves. */
async function relayed(accounts = ['a']) {
  const clock = new FakeClock();
  const relay = await FaultyRelay.start();
  const pool = await TestPool.start({ accounts, clock, env: { ...relay.env, ...fillFirst } });
  relay.leadTo(pool.fakeUpstream.origin);
  return { clock, pool, relay };
}

/** Moves the clock in small steps, since a large one would be a suspend. Between two steps, what is due arrives. */
async function pass(ms: number, clock: FakeClock, pool: TestPool): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10 * SECOND) {
    clock.advance(10 * SECOND);
    clock.tick();
    await pool.client.get('/healthz');
  }
}

const ask = (client: SocketClient, fields: object = {}): void =>
  client.send(JSON.stringify(responseCreate(client.session, fields)));
const isServed = (client: SocketClient): boolean =>
  client.messages.map(typeOf).at(-1) === 'response.completed';

describe('an upstream WebSocket that delivers nothing, although its connection is open', () => {
  it('is replaced while a turn waits for its first output, by one of the same account', async () => {
    const { clock, pool, relay } = await relayed(['a', 'b']);
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin);
    expect(relay.silence()).toBe(1);
    ask(client);
    await pass(GIVEN_UP_MS, clock, pool);
    await client.until(() => isServed(client), 'the end of the turn');
    expect(client.end).toBeNull();
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    expect(pool.fakeUpstream.sockets.list).toHaveLength(2);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0, totals: { turns: 1 } });
  });

  it('is replaced although it has served before', async () => {
    const { clock, pool, relay } = await relayed();
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    relay.silence();
    ask(client);
    await pass(GIVEN_UP_MS, clock, pool);
    await client.until(
      () => client.messages.map(typeOf).filter((it) => it === 'response.completed').length === 2,
      'two turns',
    );
    expect(client.end).toBeNull();
  });

  it('hands the turn to another account when the same one stays silent', async () => {
    const { clock, pool, relay } = await relayed(['a', 'b']);
    await using _pool = pool;
    await using _relay = relay;
    const silent = controlled();
    const again = controlled();
    pool.fakeUpstream.account('a').sockets.answers(silent.response, again.response);
    await using client = await SocketClient.connect(pool.origin);
    ask(client);
    for (const turn of [silent, again]) {
      await turn.started;
      relay.silence();
      await pass(GIVEN_UP_MS, clock, pool);
    }
    await client.until(() => isServed(client), 'the end of the turn');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b']);
    for (const turn of [silent, again]) turn.end();
  });

  it('asks the client to reconnect when the turn continues a response of that socket', async () => {
    const { clock, pool, relay } = await relayed();
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    const [id] = /resp_\w+/.exec(client.messages.at(-1)?.bytes.toString() ?? '') ?? [];
    relay.silence();
    ask(client, { previous_response_id: id });
    await pass(GIVEN_UP_MS, clock, pool);
    expect((await client.closed).code).toBe(1012);
    await using after = await SocketClient.connect(pool.origin, { session: client.session });
    await after.turn();
    expect(isServed(after)).toBe(true);
  });

  it('ends the client’s socket between two turns, and the next turn is served by a new one', async () => {
    const { clock, pool, relay } = await relayed();
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    relay.silence();
    await pass(GIVEN_UP_MS, clock, pool);
    expect((await client.closed).code).toBe(1011);
    await using after = await SocketClient.connect(pool.origin, { session: client.session });
    await after.turn();
    expect(isServed(after)).toBe(true);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('cuts a turn that has had output', async () => {
    const { clock, pool, relay } = await relayed(['a', 'b']);
    await using _pool = pool;
    await using _relay = relay;
    const turn = controlled();
    pool.fakeUpstream.account('a').sockets.answers(turn.response);
    await using client = await SocketClient.connect(pool.origin);
    ask(client);
    await turn.started;
    turn.send(created(), delta('half'));
    await client.until(() => client.messages.length === 2, 'output');
    relay.silence();
    await pass(GIVEN_UP_MS, clock, pool);
    expect((await client.closed).code).toBe(1011);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    turn.end();
  });

  it('ends a WebSocket that carries no turns', async () => {
    const { clock, pool, relay } = await relayed();
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin, { path: '/v1/realtime' });
    relay.silence();
    await pass(GIVEN_UP_MS, clock, pool);
    expect((await client.closed).code).toBe(1011);
  });
});

describe('an upstream WebSocket that fails at once', () => {
  it.each<[string, (relay: FaultyRelay) => void]>([
    ['is reset', (relay) => relay.reset()],
    ['is half closed', (relay) => relay.halfClose()],
  ])('and %s costs no turn, in use or idle', async (_case, fail) => {
    const { pool, relay } = await relayed(['a', 'b']);
    await using _pool = pool;
    await using _relay = relay;
    const turn = controlled();
    pool.fakeUpstream.account('a').sockets.answers(turn.response);
    await using client = await SocketClient.connect(pool.origin);
    ask(client);
    await turn.started;
    fail(relay);
    await client.until(() => isServed(client), 'the end of the turn');
    turn.end();
    expect(client.end).toBeNull();
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a']);
    fail(relay); // now between two turns
    await client.closed;
    await using after = await SocketClient.connect(pool.origin, { session: client.session });
    await after.turn();
    expect(isServed(after)).toBe(true);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });
});

describe('an upstream WebSocket that is slow', () => {
  it('is not given up: its pongs arrive in time', async () => {
    const { clock, pool, relay } = await relayed(['a', 'b']);
    await using _pool = pool;
    await using _relay = relay;
    await using client = await SocketClient.connect(pool.origin);
    relay.delay(50);
    for (let i = 0; i < 4; i += 1) {
      const before = relay.deliveredBytes;
      await pass(limits.socketPingMs, clock, pool);
      await expect.poll(() => relay.deliveredBytes).toBeGreaterThan(before); // the pong
    }
    await client.turn();
    expect(isServed(client)).toBe(true);
    expect(pool.fakeUpstream.sockets.list).toHaveLength(1);
  });
});

describe('an upstream WebSocket that is alive', () => {
  it('is pinged every 30 s and stays open, idle or in the middle of a turn', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    const turn = controlled();
    pool.fakeUpstream.account('a').sockets.answers(turn.response);
    await using busy = await SocketClient.connect(pool.origin);
    await using idle = await SocketClient.connect(pool.origin);
    ask(busy);
    await turn.started;
    await pass(300 * SECOND, clock, pool);
    for (const socket of pool.fakeUpstream.sockets.list) expect(socket.pings).toHaveLength(10);
    turn.send(created(), delta('late'), completed());
    turn.end();
    await busy.until(() => isServed(busy), 'the end of the turn');
    expect([busy.end, idle.end, busy.pings, idle.pings]).toEqual([null, null, [], []]);
  });

  it('is not given up while a slow client makes us stop reading it', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    // The clock outruns inflation, during which nothing is read.
    pool.fakeUpstream.account('a').sockets.deflates = false;
    const big = delta('x'.repeat(4 * 1_024 * 1_024));
    pool.fakeUpstream
      .account('a')
      .sockets.answers(messages(created(), ...Array.from({ length: 12 }, () => big), completed()));
    await using client = await SocketClient.connect(pool.origin, { withoutDeflate: true });
    ask(client);
    await client.until(() => client.messages.length > 1, 'output');
    client.pause();
    await pass(300 * SECOND, clock, pool);
    expect(client.messages.length).toBeLessThan(14);
    client.resume();
    await client.until(() => isServed(client), 'the end of the turn');
    expect(client.messages).toHaveLength(14);
    await pass(60 * SECOND, clock, pool);
    expect(client.end).toBeNull();
  });
});
