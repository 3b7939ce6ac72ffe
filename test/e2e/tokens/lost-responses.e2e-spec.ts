import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import type { TokenFault } from '../../../src/fake-upstream/authorization/token-endpoint.js';
import { FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { ALMOST, LONG_SECONDS, newest } from '../../support/pool/held-refresh.js';
import { TokenWire, type WireFault, wireFaults } from '../../support/network/token-wire.js';

/** Only account `a`'s tokens expire during a test. */
const accounts = ['a', { name: 'b', accessTokenLifetimeSeconds: LONG_SECONDS }];
/** Faults that occur before the endpoint issues tokens. */
const unspent: ReadonlySet<WireFault> = new Set(wireFaults.slice(0, 3));
const STALL_MS = 500;

/** A pool in which account `a`'s token expires in half a minute, and token requests go over a wire. */
class Wired implements AsyncDisposable {
  private constructor(
    readonly pool: TestPool,
    readonly wire: TokenWire,
    readonly clock: FakeClock,
  ) {}

  static async start(): Promise<Wired> {
    const clock = new FakeClock();
    // Start the fake upstream first, then the wire to it, then the program.
    await using ports = new AsyncDisposableStack();
    let wire: TokenWire | null = null;
    const env: Record<string, string> = {};
    const prepare = async (fakeUpstream: FakeUpstream): Promise<void> => {
      fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
      wire = ports.use(await TokenWire.start(String(fakeUpstream.env['UPSTREAM_REFRESH_BASE'])));
      env['UPSTREAM_REFRESH_BASE'] = wire.origin;
    };
    const pool = ports.use(await TestPool.start({ accounts, clock, env, prepare }));
    await polled(pool);
    clock.advance(ALMOST);
    if (wire === null) throw new Error('there is no wire');
    ports.move();
    return new Wired(pool, wire, clock);
  }

  async served(): Promise<unknown> {
    const { headers } = await this.pool.turn().expect(200);
    return headers['x-codex-pool-account'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.wire[Symbol.asyncDispose]();
  }
}

/** Account `a` in memory. */
function storedIn(pool: TestPool) {
  const account = pool.registry.list().find((it) => it.name === 'a');
  if (account === undefined) throw new Error('there is no account a');
  return account.storedCredential;
}

describe('a refresh whose response is lost', () => {
  it.each(wireFaults)(
    'since its connection %s sends the token again only when the access token has expired, and then once',
    async (fault) => {
      await using it = await Wired.start();
      const { pool, wire, clock } = it;
      const { refreshTimeoutMs } = limits;
      Object.assign(limits, { refreshTimeoutMs: STALL_MS });
      try {
        const broken = wire.breaks(fault);
        expect(await it.served()).toBe('a');
        await broken;
      } finally {
        Object.assign(limits, { refreshTimeoutMs });
      }
      expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'in-doubt' });
      clock.advance(25 * SECOND);
      for (const _turn of [1, 2, 3]) expect(await it.served()).toBe('a');
      expect(wire.connections).toBe(1);
      clock.advance(MINUTE);
      const isGood = unspent.has(fault);
      for (const _turn of [1, 2]) expect(await it.served()).toBe(isGood ? 'a' : 'b');
      expect(wire.connections).toBe(2);
      expect(await pool.account('a')).toMatchObject(
        isGood ? { refresh: 'idle' } : { refresh: 'refused', reason: 'needs-login' },
      );
    },
  );

  it('is no longer in doubt when its file has newer tokens', async () => {
    await using it = await Wired.start();
    const { pool, wire, clock } = it;
    const broken = wire.breaks('is reset after tokens are issued, before the response');
    await it.served();
    await broken;
    await pool.writeAuth('a', pool.fakeUpstream.account('a').authJson());
    clock.advance(MINUTE);
    expect(await it.served()).toBe('a');
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
    expect(wire.connections).toBe(1);
  });

  it('stays in doubt across a restart', async () => {
    await using it = await Wired.start();
    const broken = it.wire.breaks('is reset after tokens are issued, before the response');
    await it.served();
    await broken;
    const again = await it.pool.restart();
    try {
      expect(await again.account('a')).toMatchObject({ available: true, refresh: 'in-doubt' });
      await again.turn().expect(200);
      expect(it.wire.connections).toBe(1);
    } finally {
      await again.running.stop();
    }
  });

  it('is requested once more when upstream rejects the access token early', async () => {
    await using it = await Wired.start();
    const broken = it.wire.breaks('is reset after the request, before tokens are issued');
    await it.served();
    await broken;
    it.pool.fakeUpstream.account('a').expireAccessToken();
    expect(await it.served()).toBe('a');
    expect(it.wire.connections).toBe(2);
  });

  it('sends no request for 15 minutes when the second response is lost as well', async () => {
    await using it = await Wired.start();
    const { pool, wire, clock } = it;
    const lose = async (account: string): Promise<void> => {
      const broken = wire.breaks('is reset after the request, before tokens are issued');
      expect(await it.served()).toBe(account);
      await broken;
    };
    await lose('a');
    clock.advance(MINUTE);
    await lose('b');
    expect(await pool.account('a')).toMatchObject({
      available: false,
      reason: 'refresh-failing',
      until: clock.now() + 15 * MINUTE,
    });
    clock.advance(15 * MINUTE - SECOND);
    expect(await it.served()).toBe('b');
    expect(wire.connections).toBe(2);
    clock.advance(SECOND);
    expect(await it.served()).toBe('a');
    expect(wire.connections).toBe(3);
  });

  it('stays in doubt when the next request fails with a known result', async () => {
    await using it = await Wired.start();
    const { pool, wire, clock } = it;
    const broken = wire.breaks('is reset after the request, before tokens are issued');
    await it.served();
    await broken;
    clock.advance(MINUTE);
    pool.fakeUpstream.tokens.answers({ status: 503, body: {} });
    expect(await it.served()).toBe('b');
    expect(await pool.account('a')).toMatchObject({ refresh: 'in-doubt', until: clock.now() + 30 * SECOND });
    clock.advance(30 * SECOND);
    expect(await it.served()).toBe('a');
    expect(wire.connections).toBe(3);
  });

  it('is sent anyway when a person requests it', async () => {
    await using it = await Wired.start();
    const broken = it.wire.breaks('is reset after the request, before tokens are issued');
    await it.served();
    await broken;
    await it.pool.client.post('/admin/accounts/a/refresh').expect(200);
    expect(it.wire.connections).toBe(2);
    expect(await it.pool.account('a')).toMatchObject({ refresh: 'idle' });
  });
});

describe('a token endpoint response', () => {
  it.each<[string, TokenFault]>([
    ['that is empty', { status: 200, body: '' }],
    ['that is cut without showing it', { status: 200, body: '{"access_token": "half' }],
    ['without tokens', { status: 200, body: { token_type: 'bearer' } }],
    ['that is a page', { status: 200, body: '<html>welcome</html>' }],
  ])('%s, but a success, leaves the refresh in doubt', async (_case, fault) => {
    await using it = await Wired.start();
    it.pool.fakeUpstream.tokens.answers(fault);
    for (const _turn of [1, 2]) expect(await it.served()).toBe('a');
    expect(await it.pool.account('a')).toMatchObject({ available: true, refresh: 'in-doubt' });
    expect(it.wire.connections).toBe(1);
  });

  it('with a new refresh token but no access token is stored, and used after a pause', async () => {
    await using it = await Wired.start();
    const { pool, wire, clock } = it;
    pool.fakeUpstream.tokens.answers({
      status: 200,
      body: { refresh_token: pool.fakeUpstream.account('a').loginAgain().tokens.refresh_token, id_token: '' },
    });
    const before = await pool.readAuth('a');
    expect(await it.served()).toBe('a');
    const { refresh_token, id_token, access_token } = (await pool.readAuth('a')).tokens;
    expect({ refresh_token, id_token, access_token }).toEqual({
      refresh_token: newest(pool).refresh_token,
      id_token: before.tokens.id_token,
      access_token: before.tokens.access_token,
    });
    expect(await it.served()).toBe('a');
    expect(await pool.account('a')).toMatchObject({ refresh: 'waiting' });
    expect(wire.connections).toBe(1);
    clock.advance(MINUTE);
    expect(await it.served()).toBe('a');
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it('without a new access token, again and again, is asked for ever more rarely', async () => {
    await using it = await Wired.start();
    const { pool, clock } = it;
    const { tokens } = pool.fakeUpstream;
    const [{ access_token: old }, pauses] = [newest(pool), [] as number[]];
    for (const access_token of ['', old, undefined]) {
      const { refresh_token } = pool.fakeUpstream.account('a').loginAgain().tokens;
      tokens.answers({ status: 200, body: { access_token, refresh_token, id_token: 'opaque' } });
      const { body } = await pool.client.post('/admin/accounts/a/refresh').expect(502);
      expect(body).toMatchObject({
        code: 'refresh_failed',
        detail: expect.stringContaining('no new access token'),
      });
      expect((await pool.readAuth('a')).tokens).toMatchObject({ refresh_token, access_token: old });
      const { refresh } = storedIn(pool);
      if (refresh.kind === 'waiting') pauses.push(refresh.until - clock.now());
    }
    expect(pauses).toEqual([30 * SECOND, 60 * SECOND, 120 * SECOND]);
    clock.advance(MINUTE);
    expect(await it.served()).toBe('b'); // its access token has expired, and the pause lasts
    clock.advance(MINUTE);
    expect(await it.served()).toBe('a');
    expect(storedIn(pool).refresh.kind).toBe('idle');
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(tokens.reuses).toBe(0);
  });

  it('with an empty id token, or one that is no JWT, leaves the old one in the file', async () => {
    await using it = await Wired.start();
    const { pool } = it;
    const { id_token: before } = newest(pool);
    for (const id_token of ['', 'opaque', 7]) {
      const { access_token, refresh_token } = pool.fakeUpstream.account('a').loginAgain().tokens;
      const body = { access_token, refresh_token, id_token, expires_in: 'soon' };
      pool.fakeUpstream.tokens.answers({ status: 200, body });
      await pool.client.post('/admin/accounts/a/refresh').expect(200);
      expect((await pool.readAuth('a')).tokens).toMatchObject({
        access_token,
        refresh_token,
        id_token: before,
      });
    }
  });
});

describe('a refresh token that is refused for good', () => {
  it('leaves the account serving until upstream rejects its access token, last once that seems to have ended', async () => {
    await using it = await Wired.start();
    const { pool, wire, clock } = it;
    pool.fakeUpstream.tokens.revokesFamilies = false;
    pool.fakeUpstream.account('a').revokeRefreshToken();
    for (const _turn of [1, 2]) expect(await it.served()).toBe('a');
    expect(await pool.account('a')).toMatchObject({
      available: true,
      refresh: 'refused',
      warnings: [
        expect.stringContaining('needs a new login (refresh_token_reused): it can be used until 20'),
      ],
    });
    clock.advance(MINUTE);
    expect(await pool.account('a')).toMatchObject({
      available: true,
      warnings: [expect.stringContaining('it serves only if no other account can')],
    });
    expect(await it.served()).toBe('b');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b']);
    await pool.client.post('/admin/accounts/a/poll').expect(502); // upstream's own word
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'needs-login', warnings: [] });
    expect(await it.served()).toBe('b');
    expect(wire.connections).toBe(1);
  });

  it('needs a login as soon as upstream rejects the access token, and still after a restart', async () => {
    await using it = await Wired.start();
    const { pool, wire } = it;
    pool.fakeUpstream.tokens.revokesFamilies = false;
    pool.fakeUpstream.account('a').revokeRefreshToken();
    expect(await it.served()).toBe('a');
    pool.fakeUpstream.account('a').expireAccessToken();
    expect(await it.served()).toBe('b');
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'needs-login' });
    const again = await pool.restart();
    try {
      expect(await again.account('a')).toMatchObject({ available: false, reason: 'needs-login' });
    } finally {
      await again.running.stop();
    }
    expect(wire.connections).toBe(1);
  });
});

/** Accepts connections, and closes each at its first byte. */
async function deaf(how: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => how(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  return address.port;
}

/** Returns the account after a refresh that fails while its access token is good. */
async function afterRefreshBy(env: Record<string, string>): Promise<unknown> {
  const clock = new FakeClock();
  await using pool = await TestPool.start({ accounts, clock, env });
  await polled(pool);
  clock.advance(ALMOST);
  await pool.turn().expect(200);
  return await pool.account('a');
}

const stillGood = { available: true, refresh: 'waiting' };

describe('a token request that was never sent', () => {
  it('because the name is unknown is retried after a pause', async () => {
    // Too long for a DNS label, so no resolver is queried.
    expect(
      await afterRefreshBy({ UPSTREAM_REFRESH_BASE: `https://${'x'.repeat(64)}.invalid` }),
    ).toMatchObject(stillGood);
  });

  it('because the connection is refused is retried after a pause', async () => {
    const server = await deaf(() => undefined);
    const port = portOf(server);
    server.close();
    await once(server, 'close');
    expect(await afterRefreshBy({ UPSTREAM_REFRESH_BASE: `http://127.0.0.1:${port}` })).toMatchObject(
      stillGood,
    );
  });

  it.each<[string, (socket: Socket) => void]>([
    ['is reset', (socket) => socket.resetAndDestroy()],
    ['is closed', (socket) => socket.end()],
    ['gets a response that is not TLS', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('because the TLS handshake %s is retried after a pause', async (_case, how) => {
    const server = await deaf(how);
    try {
      expect(
        await afterRefreshBy({ UPSTREAM_REFRESH_BASE: `https://127.0.0.1:${portOf(server)}` }),
      ).toMatchObject(stillGood);
    } finally {
      server.close();
    }
  });
});
