import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { NotifyAddress } from '../../../src/alerts/notify-address.js';
import { deactivated, rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock, HOUR, MINUTE } from '../../support/fake-clock.js';
import { AlertReceiver } from '../../support/network/alert-receiver.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { isServedBy, startRanked } from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

interface Scene extends AsyncDisposable {
  readonly pool: TestPool;
  readonly receiver: AlertReceiver;
  readonly clock: FakeClock;
  /** Ticks; resolves with the events as soon as there are so many. */
  until(count: number): Promise<string[]>;
  /** Ticks a few times; resolves with the events. */
  events(): Promise<string[]>;
}

async function staged(options: TestPoolOptions = {}): Promise<Scene> {
  const receiver = await AlertReceiver.start();
  const clock = new FakeClock();
  const env = { PROXY_NOTIFY_URL: receiver.url, ...options.env };
  const pool = await startRanked({ ...options, clock, env });
  const events = () => receiver.alerts.map((it) => it.event);
  return {
    pool,
    receiver,
    clock,
    until: async (count) => {
      const isThere = () => {
        clock.tick();
        return receiver.texts.length >= count;
      };
      await expect.poll(isThere, { interval: 2 }).toBe(true);
      return events();
    },
    events: async () => {
      for (let it = 0; it < 5; it += 1) {
        clock.tick();
        await setImmediate();
      }
      return events();
    },
    [Symbol.asyncDispose]: async () => {
      await pool[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

describe('PROXY_NOTIFY_URL', () => {
  it('gets a POST when an account needs a login, once', async () => {
    await using scene = await staged();
    const { pool, receiver, clock } = scene;
    expect(await scene.events()).toEqual([]);
    pool.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    await isServedBy(pool, 'b');
    await scene.until(1);
    expect(receiver.alerts).toEqual([
      {
        event: 'account-needs-login',
        at: clock.now(),
        account: 'a',
        sentence: 'a needs a login: its own was refused. Its turns go to other accounts.',
        version: expect.any(String),
      },
    ]);
    expect(receiver.headers[0]).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^codex-pool\/\d/),
    });
    expect(receiver.headers[0]).not.toHaveProperty('authorization');
    clock.advance(HOUR);
    expect(await scene.events()).toEqual(['account-needs-login']);
  });

  it('gets one when an account is deactivated', async () => {
    await using scene = await staged();
    scene.pool.fakeUpstream.account('a').answers(deactivated());
    await isServedBy(scene.pool, 'b');
    expect(await scene.until(1)).toEqual(['account-deactivated']);
    expect(scene.receiver.alerts[0]).toMatchObject({ account: 'a' });
  });

  it('gets one when the pool is out, and one when it is back', async () => {
    await using scene = await staged();
    const { pool, receiver, clock } = scene;
    const resetsAt = Math.floor(clock.now() / 1_000) + 3_600;
    for (const it of ['a', 'b']) pool.fakeUpstream.account(it).always(usageLimit({ resetsAt }));
    await send(pool);
    expect(await scene.until(1)).toEqual(['pool-out']);
    expect(receiver.alerts[0]).toMatchObject({ account: null });
    expect(receiver.alerts[0]?.sentence).toMatch(/^The pool is out: .* \(in (1 h|60 min)\)\.$/);
    clock.advance(HOUR + MINUTE);
    expect(await scene.until(2)).toEqual(['pool-out', 'pool-back']);
    expect(receiver.alerts[1]?.sentence).toBe('The pool serves again: 2 of 2 ready.');
  });

  it('gets nothing for a short rate limit, nor for what was so at the start', async () => {
    await using scene = await staged({ accounts: ['a'], files: { 'broken.json': '{' } });
    scene.pool.fakeUpstream.account('a').always(rateLimit(20));
    await send(scene.pool);
    expect(await scene.pool.account('a')).toMatchObject({ available: false, reason: 'rate-limited' });
    expect(await scene.events()).toEqual([]);
    await using empty = await staged({ accounts: [] });
    expect(await empty.events()).toEqual([]);
  });

  it('gets one when the share left of a window falls under the mark, and not again until it has recovered', async () => {
    await using scene = await staged({ accounts: ['a'], env: { PROXY_NOTIFY_BELOW: '25' } });
    const { pool, receiver, clock } = scene;
    const use = async (usedPercent: number) => {
      clock.advance(11 * MINUTE);
      pool.fakeUpstream.account('a').usage({ usedPercent, windowSeconds: 18_000 }, null);
      await pool.client.post('/admin/accounts/a/poll').expect(200);
    };
    await use(75);
    expect(await scene.events()).toEqual([]);
    await use(76);
    await scene.until(1);
    expect(receiver.alerts[0]).toMatchObject({ event: 'quota-low', account: null });
    expect(receiver.alerts[0]?.sentence).toMatch(/^The pool has 24 % of its 5 h quota left; most is back /);
    for (const it of [74, 80]) await use(it);
    expect(await scene.events()).toEqual(['quota-low']);
    await use(5);
    await scene.events();
    await use(90);
    expect(await scene.until(2)).toEqual(['quota-low', 'quota-low']);
  });

  it('never gets an e-mail address, an id or a token, even from an account that is named after one', async () => {
    const name = 'ann@example.test';
    await using scene = await staged({ accounts: [name, 'b'] });
    const { pool, receiver } = scene;
    const login = pool.fakeUpstream.account(name).authJson();
    pool.fakeUpstream.account(name).expireAccessToken().revokeRefreshToken();
    await isServedBy(pool, 'b');
    await scene.until(1);
    expect(receiver.alerts[0]).toMatchObject({ event: 'account-needs-login', account: 'ann' });
    const sent = receiver.texts.join('\n');
    expect(sent).not.toContain('@');
    for (const secret of [login.tokens.account_id, login.tokens.refresh_token, login.tokens.access_token])
      expect(sent).not.toContain(secret);
  });

  it('that is set at run time gets what changes from then on', async () => {
    await using scene = await staged({ env: { PROXY_NOTIFY_URL: '' } });
    const { pool, receiver } = scene;
    const address = vi.spyOn(pool.running.app.get(NotifyAddress, { strict: false }), 'current', 'get');
    pool.fakeUpstream.account('a').answers(deactivated());
    await isServedBy(pool, 'b');
    expect(await scene.events()).toEqual([]);
    address.mockReturnValue(new URL(receiver.url));
    expect(await scene.events()).toEqual([]);
    pool.fakeUpstream.account('b').answers(deactivated());
    await send(pool);
    expect((await scene.until(2)).toSorted()).toEqual(['account-deactivated', 'pool-out']);
    expect(receiver.alerts.map((it) => it.account)).toEqual(expect.arrayContaining(['b', null]));
  });

  it('that does not respond delays neither a turn nor a stop', async () => {
    const scene = await staged();
    const { pool, receiver } = scene;
    receiver.responds = () => undefined;
    pool.fakeUpstream.account('a').answers(deactivated());
    await isServedBy(pool, 'b');
    await scene.until(1);
    const startedAt = performance.now();
    await isServedBy(pool, 'b');
    await scene[Symbol.asyncDispose]();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(receiver.texts).toHaveLength(1);
  });
});
