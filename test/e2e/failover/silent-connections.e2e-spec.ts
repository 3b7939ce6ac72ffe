import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { hangs, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { FaultyRelay } from '../../support/network/faulty-relay.js';
import { aTurn, TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { type RawExchange, send, turnWith } from '../../support/clients/raw-http.js';

/** Without polls, every connection to the fake upstream belongs to a turn. */
const noPolls = { UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9/backend-api' };

interface Wire extends AsyncDisposable {
  readonly pool: TestPool;
  readonly relay: FaultyRelay;
  readonly clock: FakeClock;
  /** Lets this much time pass, second by second: a jump would count as a suspend. */
  readonly pass: (seconds: number) => Promise<void>;
}

async function startWire(options: TestPoolOptions = {}): Promise<Wire> {
  const relay = await FaultyRelay.start();
  const clock = new FakeClock();
  const pool = await TestPool.start({
    accounts: ['a'],
    clock,
    ...options,
    prepare: (fakeUpstream) => relay.leadTo(fakeUpstream.origin),
    env: { ...noPolls, ...relay.env, ...options.env },
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i += 1) {
      clock.advance(SECOND);
      clock.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    pool,
    relay,
    clock,
    pass,
    [Symbol.asyncDispose]: async () => {
      await pool[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
    },
  };
}

const begin = (pool: TestPool): RawExchange => send(pool.origin, turnWith(JSON.stringify(aTurn())));
const untilSent = async (pool: TestPool) =>
  await expect.poll(async () => (await pool.account('a')).inFlight).toBe(1);
const recordOf = async (pool: TestPool, client: RawExchange) => {
  const { headers } = await client.head;
  return (await pool.client.get(`/admin/requests/${String(headers['x-codex-pool-request'])}`).expect(200))
    .body;
};

describe('a kept connection', () => {
  it('is used again within 30 s, and closed after that', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    await pool.turn().expect(200);
    await pass(29);
    await pool.turn().expect(200);
    expect(relay.accepted).toBe(1);
    await pass(31);
    await expect.poll(() => relay.open).toBe(0);
    await pool.turn().expect(200);
    expect(relay.accepted).toBe(2);
  });

  it('stays open while a response runs on it', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    turn.send(created(), delta('before'));
    await client.untilText('before');
    await pass(100);
    turn.send(delta('after'), completed());
    turn.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(relay.accepted).toBe(1);
  });
});

describe('a reused connection that delivers nothing', () => {
  it('is given up after 60 s, and the turn is served on a new one by the same account', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    await pool.turn().expect(200);
    relay.silence();
    const client = begin(pool);
    await untilSent(pool);
    await pass(59);
    expect(client.hasHead).toBe(false);
    expect(relay.accepted).toBe(1);
    await pass(3);
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(pool.fakeUpstream.turns()).toHaveLength(2); // the lost request never arrived
    expect((await recordOf(pool, client)).attempts).toMatchObject([
      { account: 'a', outcome: 'unreachable' },
      { account: 'a', outcome: 'success' },
    ]);
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
  });

  it('is given up for every turn that waits on one, with a single probe', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    const turns = [controlled(), controlled()];
    for (const it of turns) pool.fakeUpstream.account('a').answers(it.response);
    const first = turns.map(() => begin(pool));
    await Promise.all(turns.map(async (it) => await it.started));
    for (const it of turns) {
      it.send(created(), completed());
      it.end();
    }
    for (const it of first) await it.whole();
    expect(relay.accepted).toBe(2);
    relay.silence();
    const waiting = [begin(pool), begin(pool)];
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(2);
    await pass(62);
    for (const it of waiting) expect(await it.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(relay.accepted).toBe(5); // both turns again, and the probe
  });

  it('moves to another account when the same one is silent on a new connection, too', async () => {
    await using wire = await startWire({ accounts: ['a', 'b'] });
    const { pool, relay, pass } = wire;
    const session = { 'session-id': 'made-up-session' };
    const served = (await pool.turn(session).expect(200)).headers['x-codex-pool-account'];
    const other = served === 'a' ? 'b' : 'a';
    relay.silence();
    pool.fakeUpstream.account(served ?? '').always(refuses(502, { error: { code: 'bad_gateway' } }));
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn()), session));
    await expect.poll(async () => (await pool.account(served ?? '')).inFlight).toBe(1);
    await pass(62);
    const { status, headers } = await client.whole();
    expect({ status, by: headers['x-codex-pool-account'] }).toEqual({ status: 200, by: other });
  });

  it('is kept while no new connection can be opened: another attempt would not get further', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    await pool.turn().expect(200);
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'the turn');
    await relay.accept(false);
    await pass(80);
    expect(client.hasHead).toBe(false);
    turn.send(created(), delta('late'), completed());
    turn.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(pool.fakeUpstream.turns()).toHaveLength(2);
  });

  it('is not given up on a new connection: upstream may take its time', async () => {
    await using wire = await startWire();
    const { pool, pass } = wire;
    const turn = controlled();
    const account = pool.fakeUpstream.account('a');
    const gate = Promise.withResolvers<void>();
    account.answers({ kind: 'wait', until: gate.promise, response: turn.response });
    const client = begin(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn');
    await pass(200);
    gate.resolve();
    turn.send(created(), delta('late'), completed());
    turn.end();
    expect(await client.whole()).toMatchObject({ status: 200 });
    expect(pool.fakeUpstream.turns()).toHaveLength(1);
  });

  it('is not given up for an image, which may take long and must not be made twice', async () => {
    await using wire = await startWire();
    const { pool, pass } = wire;
    await pool.turn().expect(200);
    const gate = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').imagesAlways({ kind: 'wait', until: gate.promise, response: streams() });
    const client = send(pool.origin, {
      method: 'POST',
      path: '/v1/images/generations',
      headers: { 'content-type': 'application/json' },
      body: '{"prompt":"made up"}',
    });
    const images = () => pool.fakeUpstream.log.filter((it) => it.path.includes('/images/'));
    await pool.fakeUpstream.until(() => images().length === 1, 'the image request');
    await pass(90);
    gate.resolve();
    expect((await client.whole()).status).toBe(200);
    expect(images()).toHaveLength(1);
  });

  it('ends with the client that leaves', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    await pool.turn().expect(200);
    relay.silence();
    const client = begin(pool);
    await untilSent(pool);
    await pass(30);
    client.leave();
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);
    await pass(40);
    expect(relay.accepted).toBe(1);
  });
});

describe('a reused connection that fails at once', () => {
  it.each<[string, (relay: FaultyRelay) => void]>([
    ['is reset', (relay) => relay.reset()],
    ['is half closed', (relay) => relay.halfClose()],
  ])('and %s costs no turn', async (_case, fail) => {
    await using wire = await startWire();
    const { pool, relay } = wire;
    await pool.turn().expect(200);
    pool.fakeUpstream.account('a').answers(hangs());
    const client = begin(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'the turn');
    fail(relay);
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect((await recordOf(pool, client)).attempts).toMatchObject([
      { outcome: 'unreachable' },
      { outcome: 'success' },
    ]);
  });

  it('that is slow is not given up within a minute', async () => {
    await using wire = await startWire();
    const { pool, relay, pass } = wire;
    await pool.turn().expect(200);
    relay.delay(200);
    const client = begin(pool);
    await untilSent(pool);
    await pass(59);
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(relay.accepted).toBe(1);
  });
});

describe('a change of the addresses of the machine', () => {
  it('closes idle connections, and no others', async () => {
    let addresses = new Set(['192.0.2.7']);
    await using wire = await startWire({ addresses: () => addresses });
    const { pool, relay, pass } = wire;
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = begin(pool);
    turn.send(created(), delta('before'));
    await client.untilText('before');
    await pool.turn().expect(200);
    expect(relay.open).toBe(2);
    await pass(2);
    expect(relay.open).toBe(2);
    addresses = new Set(['198.51.100.7']);
    await pass(2);
    await expect.poll(() => relay.open).toBe(1);
    turn.send(delta('after'), completed());
    turn.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(pool.logger.lines.join('\n')).toContain('the addresses of this machine have changed');
  });

  it('is not blamed on an account whose streams break off at that time', async () => {
    let addresses = new Set(['192.0.2.7']);
    await using wire = await startWire({ addresses: () => addresses });
    const { pool, relay, pass } = wire;
    addresses = new Set(['198.51.100.7']);
    await pass(2);
    for (let i = 0; i < 3; i += 1) {
      const turn = controlled();
      pool.fakeUpstream.account('a').answers(turn.response);
      const client = begin(pool);
      turn.send(created(), delta('before'));
      await client.untilText('before');
      await pass(1);
      relay.reset();
      expect((await client.whole()).isBroken).toBe(true);
    }
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
  });
});
