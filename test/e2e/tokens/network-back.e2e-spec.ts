import { describe, expect, it } from 'vitest';
import type { FakeAccountOptions } from '../../../src/fake-upstream/script/account-script.js';
import { DAY, FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { TokenWire } from '../../support/network/token-wire.js';
import { polled } from '../../support/pool/first-poll.js';
import { LONG_SECONDS } from '../../support/pool/held-refresh.js';
import { TestPool } from '../../support/pool/pool.js';
import { free, standing } from '../../support/pool/ranked-accounts.js';

const lasting = (name: string): FakeAccountOptions => ({ name, accessTokenLifetimeSeconds: LONG_SECONDS });

/** A pool whose accounts go first by name, a minute after the end of the tokens that last ten days. */
class Outage implements AsyncDisposable {
  private constructor(
    readonly pool: TestPool,
    readonly clock: FakeClock,
    /** The way to the token endpoint. */
    readonly wire: TokenWire,
  ) {}

  static async start(accounts: readonly (string | FakeAccountOptions)[]): Promise<Outage> {
    const clock = new FakeClock();
    const env: Record<string, string> = { PROXY_POLICY: 'fill-first' };
    let wire: TokenWire | undefined;
    const pool = await TestPool.start({
      accounts,
      clock,
      env,
      prepare: async (fakeUpstream) => {
        wire = await TokenWire.start(String(fakeUpstream.env['UPSTREAM_REFRESH_BASE']));
        env['UPSTREAM_REFRESH_BASE'] = wire.origin;
        fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
      },
    });
    await polled(pool);
    clock.advance(10 * DAY + MINUTE);
    if (wire === undefined) throw new Error('there is no wire');
    return new Outage(pool, clock, wire);
  }

  async goDown(): Promise<void> {
    await Promise.all([this.pool.fakeUpstream.goDown(), this.wire.goDown()]);
  }

  async reopen(): Promise<void> {
    await Promise.all([this.pool.fakeUpstream.reopen(), this.wire.reopen()]);
  }

  /** Sends a turn; returns its status and the account that served it. */
  async turn(): Promise<unknown[]> {
    const { status, headers } = await this.pool.turn();
    return [status, headers['x-codex-pool-account']];
  }

  wake(ms = HOUR): void {
    this.clock.advance(ms);
    this.clock.tick();
  }

  get requests(): readonly { readonly account: string | null }[] {
    return this.pool.fakeUpstream.tokens.requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.wire[Symbol.asyncDispose]();
  }
}

describe('an ended token whose refresh could not reach the token endpoint', () => {
  it('is refreshed at once when upstream responds again', async () => {
    await using it = await Outage.start(['a', lasting('b')]);
    await it.goDown();
    expect(await it.turn()).toEqual([503, undefined]);
    expect(await it.pool.account('a')).toMatchObject({ available: true, refresh: 'waiting' });
    await it.reopen();
    expect(await it.turn()).toEqual([200, 'b']);
    expect(await standing(it.pool, 'a')).toEqual(free);
    await it.pool.fakeUpstream.until(() => it.requests.length > 0, 'a token request');
    expect(await it.turn()).toEqual([200, 'a']);
    expect(it.requests).toHaveLength(1);
  });

  it('waits 30 s at most, however long the network is away, and nothing else shows its return', async () => {
    await using it = await Outage.start(['a']);
    await it.goDown();
    for (let again = 0; again < 6; again += 1) {
      expect(await it.turn()).not.toContain(200);
      expect(await it.pool.account('a')).toMatchObject({ available: true, refresh: 'waiting' });
      expect(await it.turn()).not.toContain(200);
      expect(it.pool.registry.list()[0]?.storedCredential.refresh).toMatchObject({
        until: it.clock.now() + 30 * SECOND,
      });
      it.clock.advance(30 * SECOND);
    }
    await it.reopen();
    expect(await it.turn()).toEqual([200, 'a']);
    expect(it.requests).toHaveLength(1);
    expect(it.pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it('is refreshed as soon as the token endpoint responds for another account', async () => {
    await using it = await Outage.start(['a', 'b']);
    await it.wire.goDown();
    await it.pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    expect(await it.turn()).toEqual([429, undefined]); // a waits until second 30
    it.clock.advance(20 * SECOND);
    await it.pool.client.patch('/admin/accounts/b').send({ paused: false }).expect(200);
    expect(await it.turn()).toEqual([429, undefined]); // b waits until second 50
    await it.wire.reopen();
    it.clock.advance(10 * SECOND);
    expect(await standing(it.pool, 'b')).toMatchObject({ reason: 'refresh-failing' });
    expect(await it.turn()).toEqual([200, 'a']);
    expect(await standing(it.pool, 'b')).toEqual(free);
    expect(it.requests.map((it) => it.account)).toEqual(['a']);
  });

  it('is refreshed after a wake, without a request', async () => {
    await using it = await Outage.start(['a']);
    await it.pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200); // it is not polled
    it.wake();
    await it.pool.fakeUpstream.until(() => it.requests.length > 0, 'a token request');
    await expect.poll(async () => await it.pool.account('a')).toMatchObject({ refresh: 'idle' });
    expect(it.requests).toHaveLength(1);
  });
});

describe('the return of the network', () => {
  it('does not end the pause after a failure of the token endpoint itself', async () => {
    await using it = await Outage.start(['a', lasting('b')]);
    it.pool.fakeUpstream.tokens.answers({ status: 503, body: {} });
    expect(await it.turn()).toEqual([200, 'b']);
    const until = it.clock.now() + 30 * SECOND;
    await it.pool.fakeUpstream.goDown();
    expect(await it.turn()).toEqual([503, undefined]);
    await it.pool.fakeUpstream.reopen();
    expect(await it.turn()).toEqual([200, 'b']);
    expect(await it.pool.account('a')).toMatchObject({ refresh: 'waiting', until });
    expect(it.requests).toHaveLength(1);
  });

  it('sends no token that is in doubt', async () => {
    await using it = await Outage.start(['a', lasting('b')]);
    it.wire.breaksAll('is reset after the request, before tokens are issued');
    for (const _turn of [1, 2]) expect(await it.turn()).toEqual([200, 'b']);
    const { connections } = it.wire;
    await it.goDown();
    expect(await it.turn()).toEqual([503, undefined]);
    await it.reopen();
    expect(await it.turn()).toEqual([200, 'b']);
    it.wake(31 * SECOND);
    expect(await it.turn()).toEqual([200, 'b']);
    expect(await it.pool.account('a')).toMatchObject({ refresh: 'in-doubt' });
    expect(it.wire.connections).toBe(connections);
  });
});
