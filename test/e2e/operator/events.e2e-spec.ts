import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { delta as outputDelta } from '../../../src/fake-upstream/script/turn-events.js';
import { Drain } from '../../../src/runtime/drain.js';
import { limits } from '../../../src/config/limits.js';
import { EventPage } from '../../support/clients/event-page.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { DAY, FakeClock } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool, type TestPoolOptions } from '../../support/pool/pool.js';

const account = z.object({ name: z.string(), inFlight: z.int(), paused: z.boolean() });
const request = z.object({ id: z.string(), result: z.string(), endedAt: z.int().nullable() });
const summary = z.object({ accounts: z.int(), inFlight: z.int() });
const login = z.object({ id: z.string(), state: z.string() });
const snapshot = z.object({
  summary,
  accounts: z.array(account),
  requests: z.array(request),
  logins: z.array(login),
});
const delta = snapshot.partial().extend({ accountsGone: z.array(z.string()).optional() });

/** Each run of the interval callbacks is a tick of the event stream. */
class CountingClock extends FakeClock {
  readonly running = new Set<number>();

  override every(ms: number, task: () => void): Disposable {
    const ticking = super.every(ms, task);
    this.running.add(ms);
    return {
      [Symbol.dispose]: () => {
        this.running.delete(ms);
        ticking[Symbol.dispose]();
      },
    };
  }

  /** Ticks until changes by time alone have been looked for. */
  slowTick(): void {
    for (let it = 0; it < limits.eventSlowTicks; it += 1) this.tick();
  }
}

async function started(options: TestPoolOptions = {}): Promise<{ pool: TestPool; clock: CountingClock }> {
  const clock = new CountingClock();
  const pool = await TestPool.start({ clock, ...options });
  await polled(pool);
  return { pool, clock };
}

const pause = (pool: TestPool, name: string, paused = true) =>
  pool.client.patch(`/admin/accounts/${name}`).send({ paused }).expect(200);

/** How many connections the program has open. (A client that does not read would not see that its own was closed.) */
const connectionsOf = (pool: TestPool) =>
  promisify(pool.running.server.getConnections.bind(pool.running.server))();

/** Labels all accounts; resolves when a page has the whole event that says so. */
async function relabel(
  pool: TestPool,
  clock: FakeClock,
  { exchange }: EventPage,
  label: string,
): Promise<void> {
  for (const it of pool.registry.list()) pool.registry.configure(it, { ...it.settings, label });
  const before = exchange.pieces.length;
  clock.tick();
  const isThere = () =>
    exchange.pieces.at(-1)?.bytes.at(-1) === 10 && // the end of an event
    exchange.pieces.slice(before).some((it) => it.bytes.includes(label.slice(0, 20)));
  await exchange.until(isThere, label.slice(0, 20));
}

/** The deltas of a page, parsed. */
const deltasOf = (page: EventPage) =>
  page.events.filter((it) => it.name === 'delta').map((it) => delta.parse(JSON.parse(it.text)));

describe('GET /admin/events', () => {
  it('sends a snapshot, then what a turn changes: once while it runs, once when it has ended', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    using page = await EventPage.open(pool.origin);
    const head = await page.exchange.head;
    expect(head.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const [first] = await page.until(1);
    expect(first?.name).toBe('snapshot');
    expect(snapshot.parse(JSON.parse(first?.text ?? ''))).toMatchObject({
      summary: { accounts: 2, inFlight: 0 },
      accounts: [{ name: 'a' }, { name: 'b' }],
      requests: [],
      logins: [],
    });
    clock.slowTick(); // the first polls
    const turn = controlled();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(turn.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    await turn.started;
    turn.send(outputDelta('out'));
    await client.untilText('out');
    clock.tick();
    const before = (await page.until(2)).length;
    const running = deltasOf(page).at(-1);
    expect(running).toMatchObject({
      summary: { inFlight: 1 },
      requests: [{ result: 'running', endedAt: null }],
    });
    expect(running?.accounts).toMatchObject([{ inFlight: 1 }]); // the other account has not changed
    turn.end();
    await client.whole();
    clock.tick();
    await page.until(before + 1);
    const ended = deltasOf(page).at(-1);
    expect(ended).toMatchObject({ summary: { inFlight: 0 }, accounts: [{ inFlight: 0 }] });
    expect(ended?.requests).toMatchObject([{ id: running?.requests?.[0]?.id, endedAt: expect.any(Number) }]);
  });

  it('reports logins, and accounts that come and go', async () => {
    const { pool: started_, clock } = await started({ loginPorts: [0] });
    await using pool = started_;
    using page = await EventPage.open(pool.origin);
    await pool.client.post('/admin/login/browser').expect(201);
    clock.slowTick();
    await page.until(2);
    expect(deltasOf(page).at(-1)).toMatchObject({ logins: [{ state: 'waiting' }] });
    pool.fakeUpstream.addAccount({ name: 'c' });
    await pool.writeAuth('c', pool.fakeUpstream.account('c').authJson());
    await rm(join(pool.folder, 'pool', 'a.json'));
    await pool.client.post('/admin/reload').expect(200);
    clock.tick();
    await page.until(3);
    expect(deltasOf(page).at(-1)).toMatchObject({ accounts: [{ name: 'c' }], accountsGone: ['a'] });
  });

  it('sends many changes of one tick as one event, the same bytes to all', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    using one = await EventPage.open(pool.origin);
    using other = await EventPage.open(pool.origin);
    await Promise.all([one.until(1), other.until(1)]);
    clock.slowTick();
    for (let it = 0; it < 10; it += 1) await pool.turn().expect(200);
    await pause(pool, 'a');
    clock.tick();
    await Promise.all([one.until(2), other.until(2)]);
    clock.slowTick();
    expect(one.events).toHaveLength(2);
    expect(deltasOf(one).at(-1)?.requests).toHaveLength(10);
    expect(other.events).toEqual(one.events);
  });

  it('sends an idle pool nothing but comments, whatever the clock does', async () => {
    const { pool: started_, clock } = await started({ accounts: ['a'] });
    await using pool = started_;
    clock.slowTick();
    using page = await EventPage.open(pool.origin);
    await page.until(1);
    for (let it = 0; it < limits.eventCommentTicks; it += 1) {
      clock.tick();
      clock.advance(it % 2 === 0 ? limits.eventTickMs : -limits.eventTickMs);
    }
    await page.exchange.until(() => page.comments === 1, 'a comment');
    expect(page.events).toHaveLength(1);
    for (const jump of [40 * DAY, -80 * DAY, 40 * DAY]) {
      clock.advance(jump);
      clock.slowTick();
    }
    await pause(pool, 'a');
    clock.tick();
    await page.exchange.until(() => deltasOf(page).at(-1)?.accounts?.[0]?.paused === true, 'the pause');
  });

  it('costs nothing without a listener: nothing ticks', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    expect(clock.running).not.toContain(limits.eventTickMs);
    const page = await EventPage.open(pool.origin);
    await page.until(1);
    expect(clock.running).toContain(limits.eventTickMs);
    page[Symbol.dispose]();
    await expect.poll(() => clock.running.has(limits.eventTickMs)).toBe(false);
  });

  it('sends changes by itself, a second later at most', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    using page = await EventPage.open(pool.origin);
    await page.until(1);
    await pause(pool, 'a');
    const isPaused = () => deltasOf(page).some((it) => it.accounts?.[0]?.paused === true);
    await page.exchange.until(isPaused, 'the pause', 1_000);
    expect(page.events[0]?.name).toBe('snapshot');
  });

  it('drops all on a fault of the program, reports it once, and works again after it', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    using page = await EventPage.open(pool.origin);
    await page.until(1);
    const registry = pool.registry;
    const list = vi.spyOn(registry, 'list').mockImplementationOnce(() => {
      throw new Error('made up');
    });
    clock.slowTick();
    expect((await page.exchange.whole()).isBroken).toBe(false);
    expect(page.events.at(-1)).toMatchObject({ name: 'dropped', text: '{"reason":"fault"}' });
    list.mockRestore();
    expect(pool.logger.lines.filter((it) => it.includes('fault inside the proxy'))).toHaveLength(1);
    using again = await EventPage.open(pool.origin);
    expect((await again.until(1))[0]?.name).toBe('snapshot');
  });

  it('ends HEAD at once', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    const response = await call(pool.origin, { method: 'HEAD', path: '/admin/events' });
    expect(response).toMatchObject({ status: 200, isBroken: false });
    expect(clock.running).not.toContain(limits.eventTickMs);
  });

  it('requires the token of the operator', async () => {
    await using pool = await TestPool.start({ env: { PROXY_ADMIN_TOKEN: 'made-up-token' } });
    const refused = await call(pool.origin, { path: '/admin/events' });
    expect(refused.status).toBe(401);
    const headers = { authorization: 'Bearer made-up-token' };
    const page = send(pool.origin, { path: '/admin/events', headers });
    await page.untilText('event: snapshot');
    page.leave();
  });
});

describe('a page that comes back', () => {
  it('gets only what it has missed, also after it was the only one', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    clock.slowTick();
    const first = await EventPage.open(pool.origin);
    await first.until(1);
    await pause(pool, 'a');
    clock.tick();
    await first.until(2);
    const { lastId } = first;
    first[Symbol.dispose]();
    await expect.poll(() => clock.running.has(limits.eventTickMs)).toBe(false);
    await pause(pool, 'b');
    using again = await EventPage.open(pool.origin, lastId);
    await again.until(1);
    await pause(pool, 'a', false);
    clock.tick();
    await again.until(2);
    expect(again.events.map((it) => it.name)).toEqual(['delta', 'delta']);
    expect(deltasOf(again)).toMatchObject([
      { accounts: [{ name: 'b', paused: true }] },
      { accounts: [{ name: 'a', paused: false }] },
    ]);
  });

  it.each([
    ['of another run', 'another-1'],
    ['empty', ''],
    ['without a run', '-'],
    ['very long', 'x'.repeat(10_000)],
    ['in the future', 'RUN-999999'],
    ['negative', 'RUN--1'],
    ['no whole number', 'RUN-1e0'],
    ['without a number', 'RUN-'],
  ])('gets a snapshot if the id of its last event is %s', async (_what, pattern) => {
    const { pool: started_ } = await started();
    await using pool = started_;
    using other = await EventPage.open(pool.origin);
    await other.until(1);
    const run = other.lastId?.split('-')[0] ?? '';
    using page = await EventPage.open(pool.origin, pattern.replace('RUN', run));
    const [event] = await page.until(1);
    expect(event).toMatchObject({ name: 'snapshot', id: other.lastId });
  });

  it('gets a snapshot if nobody has listened for a minute: until then its deltas are kept', async () => {
    const { pool: started_, clock } = await started();
    await using pool = started_;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const page = await EventPage.open(pool.origin);
      await page.until(1);
      page[Symbol.dispose]();
      while (clock.running.has(limits.eventTickMs)) await setImmediate();
      vi.advanceTimersByTime(limits.eventsKeptMs - 1);
      const sooner = await EventPage.open(pool.origin, page.lastId);
      await pause(pool, 'a');
      clock.tick();
      await sooner.exchange.untilText('event:');
      expect(sooner.events[0]?.name).toBe('delta');
      sooner[Symbol.dispose]();
      while (clock.running.has(limits.eventTickMs)) await setImmediate();
      vi.advanceTimersByTime(limits.eventsKeptMs);
      await pause(pool, 'b');
      using later = await EventPage.open(pool.origin, sooner.lastId);
      await later.exchange.untilText('event:');
      expect(later.events[0]?.name).toBe('snapshot');
    } finally {
      vi.useRealTimers();
    }
  });

  it('gets a snapshot of the next run after a restart', async () => {
    await using before = await TestPool.start();
    const page = await EventPage.open(before.origin);
    await page.until(1);
    const { lastId } = page;
    await using pool = await before.restart();
    await page.exchange.whole();
    expect(page.events.at(-1)).toMatchObject({ name: 'dropped', text: '{"reason":"stopping"}' });
    using again = await EventPage.open(pool.origin, lastId);
    const [event] = await again.until(1);
    expect(event?.name).toBe('snapshot');
    expect(event?.id?.split('-')[0]).not.toBe(lastId?.split('-')[0]);
  });
});

/** A page with a token of the operator, and with the id of its last event. */
const openWith = (pool: TestPool, token: string, lastId = '') =>
  send(pool.origin, {
    path: '/admin/events',
    headers: { authorization: `Bearer ${token}`, ...(lastId === '' ? {} : { 'last-event-id': lastId }) },
  });

describe('a page whose token was changed under it', () => {
  it('is refused after the restart, and gets a snapshot with the new one', async () => {
    const env: Record<string, string> = { PROXY_ADMIN_TOKEN: 'made-up-token-1' };
    await using before = await TestPool.start({ env });
    const page = openWith(before, 'made-up-token-1');
    await page.untilText('event: snapshot');
    const lastId = /^id: (\S+)$/m.exec(page.text)?.[1];
    env['PROXY_ADMIN_TOKEN'] = 'made-up-token-2';
    await using pool = await before.restart();
    expect((await page.whole()).isBroken).toBe(false);
    const refused = await openWith(pool, 'made-up-token-1', lastId).whole();
    expect(refused.status).toBe(401);
    expect(String(refused.body)).not.toContain('accounts');
    const again = openWith(pool, 'made-up-token-2', lastId);
    await again.untilText('event: snapshot');
    again.leave();
  });
});

describe('listeners', () => {
  it('are bounded; of a thousand all but twenty are refused, until one leaves', async () => {
    const { pool: started_ } = await started();
    await using pool = started_;
    const asked = Array.from({ length: 1_000 }, () => send(pool.origin, { path: '/admin/events' }));
    const heads = await Promise.all(asked.map((it) => it.head));
    const open = asked.filter((_, index) => heads[index]?.statusCode === 200);
    expect(open).toHaveLength(limits.eventListeners);
    const refused = asked.find((_, index) => heads[index]?.statusCode === 503);
    const problem = await refused?.whole();
    expect(problem?.headers['retry-after']).toBe('5');
    expect(JSON.parse(String(problem?.body))).toMatchObject({ code: 'too_many_listeners' });
    open[0]?.leave();
    await expect
      .poll(async () => {
        using page = await EventPage.open(pool.origin);
        return (await page.exchange.head).statusCode;
      })
      .toBe(200);
    for (const it of open) it.leave();
  });

  it('that do not read are dropped, and hold up no other', async () => {
    const clock = new CountingClock();
    const accounts = Array.from({ length: 200 }, (_, index) => `account-${index}`);
    await using pool = await TestPool.start({ clock, accounts });
    using good = await EventPage.open(pool.origin);
    using _never = await EventPage.open(pool.origin, null, false);
    expect(await connectionsOf(pool)).toBe(2);
    for (let it = 0; (await connectionsOf(pool)) > 1; it += 1)
      await relabel(pool, clock, good, `label-${it}.`.padEnd(2_000, '-'));
    await relabel(pool, clock, good, 'last');
  });

  it('that read are not dropped, however long each tick brings more than a socket takes at once', async () => {
    const { pool: started_, clock } = await started({ accounts: ['a'] });
    await using pool = started_;
    using page = await EventPage.open(pool.origin);
    for (let it = 0; it <= limits.eventStalledTicks + 1; it += 1)
      await relabel(pool, clock, page, `label-${it}.`.padEnd(100_000, '-'));
    expect((await page.exchange.head).complete).toBe(false);
  });
});

describe('a stop', () => {
  it('takes no new page', async () => {
    const { pool: started_ } = await started();
    await using pool = started_;
    await pool.running.app.get(Drain).start(0);
    const response = await call(pool.origin, { path: '/admin/events' });
    expect(response).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(JSON.parse(String(response.body))).toMatchObject({ code: 'stopping' });
  });

  it('ends pages first, before the running turns, and waits for none that does not read', async () => {
    const { pool: started_ } = await started({ accounts: ['a'], env: { PROXY_DRAIN_SECONDS: '60' } });
    const pool = started_;
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    await turn.started;
    turn.send(outputDelta('first'));
    await client.untilText('first');
    using page = await EventPage.open(pool.origin);
    using _unread = await EventPage.open(pool.origin, null, false);
    const stopped = pool[Symbol.asyncDispose]();
    expect((await page.exchange.whole()).isBroken).toBe(false);
    expect(page.events.at(-1)).toMatchObject({ name: 'dropped', text: '{"reason":"stopping"}' });
    turn.send(outputDelta('second'));
    await client.untilText('second');
    turn.end();
    expect((await client.whole()).isBroken).toBe(false);
    await stopped;
  });
});
