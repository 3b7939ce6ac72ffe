import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { accepts, closes, messages, messagesThen } from '../../../src/fake-upstream/script/socket-script.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

const free = { available: true, reason: null, inFlight: 0 };
const create = (client: SocketClient): void => client.send(JSON.stringify(responseCreate(client.session)));

/** A turn of account `a` that has started and does not end by itself. */
async function running(pool: TestPool) {
  const turn = controlled();
  pool.fakeUpstream.account('a').sockets.answers(turn.response);
  const client = await SocketClient.connect(pool.origin);
  create(client);
  await turn.started;
  turn.send(created(), delta('half'));
  await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'the first words');
  return { client, turn };
}

describe('a WebSocket that upstream ends', () => {
  it.each([1000, 1001, 1008, 1011, 1013, 4000])(
    'passes code %i and its reason to the client during a turn',
    async (code) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      pool.fakeUpstream
        .account('a')
        .sockets.answers(messages(created(), delta('half'), closes(code, 'made-up é')));
      await using client = await SocketClient.connect(pool.origin);
      const came = await client.turn();
      expect(came.map(typeOf)).toEqual(['response.created', 'response.output_text.delta']);
      expect(await client.closed).toEqual({ code, reason: 'made-up é' });
      expect(await pool.account('a')).toMatchObject(free);
    },
  );

  it.each(['cut', 'reset'] as const)('asks the client to reconnect after a %s', async (ending) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.answers(messagesThen(ending, created(), delta('half')));
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    expect((await client.closed).code).toBe(1011);
    expect(await pool.account('a')).toMatchObject(free);
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expect((await again.turn()).map(typeOf).at(-1)).toBe('response.completed');
  });
});

describe('a WebSocket that the client ends', () => {
  it.each<[string, (client: SocketClient) => void, number]>([
    ['a cut', (it) => it.cut(), 1006],
    ['a close', (it) => it.close(1001, 'made-up'), 1001],
  ])('closes its upstream socket within a second after %s during a turn', async (_what, end, code) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client } = await running(pool);
    expect(await pool.account('a')).toMatchObject({ inFlight: 1 });
    end(client);
    const [socket] = pool.fakeUpstream.sockets.list;
    await pool.fakeUpstream.until(() => socket?.closeCode != null, 'the end of the socket', 1_000);
    expect(socket?.closeCode).toBe(code);
    expect(await pool.account('a')).toMatchObject(free);
  });
});

describe('pings', () => {
  it('get pongs on both sides', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    client.ping('of the client');
    await client.until(() => client.pongs.length === 1, 'a pong');
    const [socket] = pool.fakeUpstream.sockets.list;
    socket?.ping('of upstream');
    await pool.fakeUpstream.until(() => socket?.pongs.length === 1, 'a pong at upstream');
    expect([String(client.pongs[0]), String(socket?.pongs[0])]).toEqual(['of the client', 'of upstream']);
  });
});

describe('shutdown', () => {
  it('closes idle sockets at once and a busy one after its turn; a new turn does not break the running one', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client: busy, turn } = await running(pool);
    await using idle = await SocketClient.connect(pool.origin);
    const stopped = pool.running.stop();
    expect((await idle.closed).code).toBe(1012);
    create(busy);
    busy.ping('in order behind it');
    await busy.until(() => busy.pongs.length === 1, 'a pong');
    expect(busy.end).toBeNull();
    turn.send(delta('the rest'), completed());
    turn.end();
    expect((await busy.closed).code).toBe(1012);
    expect(busy.messages.map(typeOf).at(-1)).toBe('response.completed');
    expect(await stopped).toBe(true);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 0, 'the end of all sockets');
  });

  it('does not wait for a handshake that upstream has not accepted', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const later = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').sockets.handshakes(accepts({ after: later.promise }));
    const client = SocketClient.connect(pool.origin).catch((error: unknown) => String(error));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.handshakes().length === 1, 'the handshake');
    const before = performance.now();
    expect(await pool.running.stop()).toBe(true);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(await client).toMatch(/socket hang up|ECONNRESET/);
    later.resolve();
  });
});

describe('a turn on its way to another account', () => {
  it('is not overtaken by the next one on its socket', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    const later = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    pool.fakeUpstream.account('b').sockets.handshakes(accepts({ after: later.promise }));
    await using client = await SocketClient.connect(pool.origin);
    create(client);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.handshakes().length === 2, 'the second handshake');
    create(client);
    client.ping('in order behind it');
    await client.until(() => client.pongs.length === 1, 'a pong');
    later.resolve();
    const ends = () => client.messages.filter((it) => typeOf(it) === 'response.completed').length;
    await client.until(() => ends() === 2, 'both ends');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b', 'b']);
    expect(await pool.account('b')).toMatchObject({ ...free, totals: { turns: 2 } });
  });
});
