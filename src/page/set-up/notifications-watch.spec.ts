import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiServer } from '../../../test/support/page/api-server.mjs';
import { aSummary } from '../../../test/support/page/a-summary.js';

const MINUTE = 60_000;

/** The part of the browser that Node does not have. Notifications are recorded by their titles. */
class FakeNotification extends EventTarget {
  static permission = 'default';
  static decision = 'granted';
  static readonly shown: string[] = [];

  static async requestPermission(): Promise<string> {
    this.permission = this.decision;
    return this.permission;
  }

  constructor(title: string) {
    super();
    FakeNotification.shown.push(title);
  }
}

const stored = new Map<string, string>();
const page = { hidden: false };
let server: ApiServer;

beforeEach(async () => {
  vi.stubGlobal('Notification', FakeNotification);
  vi.stubGlobal('document', page);
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  server = await ApiServer.start();
});

afterEach(async () => {
  await server.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  Object.assign(FakeNotification, { permission: 'default', decision: 'granted' });
  FakeNotification.shown.length = 0;
  stored.clear();
  page.hidden = false;
});

/** The page as after a load: its modules anew, watching. */
async function loaded() {
  vi.resetModules();
  const watch = await import('./notifications-watch.js');
  const { live } = await import('../state/live.js');
  watch.startNotifications();
  return { ...watch, live };
}

const { shown } = FakeNotification;

/** Sees that no request is on its way: the next one to arrive is this function's own. */
async function expectNoRequest(): Promise<void> {
  const own = fetch('/made-up');
  const next = await server.next();
  next.responds(null);
  await own;
  expect(next.path).toBe('/made-up');
}

describe('the watcher of notifications', () => {
  it('shows each event once, and nothing that was so before the page was opened', async () => {
    const { live, switchOn, notificationState } = await loaded();
    live.summary.value = aSummary('serves', ['home']);
    await switchOn();
    expect(notificationState.value).toBe('on');
    live.summary.value = aSummary('serves', ['home', 'work']);
    live.summary.value = aSummary('serves', ['home', 'work']);
    live.summary.value = aSummary('waits', ['home', 'work']);
    live.summary.value = aSummary('serves', ['work']);
    expect(shown).toEqual(['codex-pool: work', 'The pool is out', 'The pool is back']);
  });

  it('shows none when it is off, nor later on what happened meanwhile', async () => {
    const { live, switchOn, switchOff } = await loaded();
    live.summary.value = aSummary('serves');
    live.summary.value = aSummary('serves', ['home']);
    await switchOn();
    switchOff();
    live.summary.value = aSummary('waits', ['home']);
    await switchOn();
    live.summary.value = aSummary('waits', ['home', 'work']);
    expect(shown).toEqual(['codex-pool: work']);
  });

  it('stays on after a reload, and repeats nothing', async () => {
    const first = await loaded();
    first.live.summary.value = aSummary('serves');
    await first.switchOn();
    first.live.summary.value = aSummary('waits', ['home']);
    expect(shown).toHaveLength(2);
    shown.length = 0;
    const { live, notificationState } = await loaded();
    expect(notificationState.value).toBe('on');
    live.summary.value = aSummary('waits', ['home']);
    expect(shown).toEqual([]);
  });

  it('does not say again that the pool is out when the program has been restarted meanwhile', async () => {
    const { live, switchOn } = await loaded();
    live.summary.value = aSummary('serves');
    await switchOn();
    for (const kind of ['waits', 'stopping', 'waits', 'stopping', 'serves'] as const)
      live.summary.value = aSummary(kind);
    expect(shown).toEqual(['The pool is out', 'The pool is back']);
  });

  it('says what the browser allows', async () => {
    FakeNotification.decision = 'denied';
    const { switchOn, notificationState } = await loaded();
    expect(notificationState.value).toBe('off');
    await switchOn();
    expect(notificationState.value).toBe('denied');
    expect((await loaded()).notificationState.value).toBe('denied');
    vi.stubGlobal('Notification', undefined);
    Reflect.deleteProperty(globalThis, 'Notification');
    const without = await loaded();
    await without.switchOn();
    expect(without.notificationState.value).toBe('unavailable');
  });

  it('asks once a minute while the page is hidden, also after a problem, and only if it is on', async () => {
    const { live, switchOn, switchOff } = await loaded();
    live.summary.value = aSummary('serves');
    vi.advanceTimersByTime(MINUTE);
    await switchOn();
    vi.advanceTimersByTime(MINUTE);
    await expectNoRequest();
    page.hidden = true;
    vi.advanceTimersByTime(MINUTE);
    const refused = await server.next();
    expect(refused.path).toBe('/admin/summary');
    refused.refuses(503, 'stopping', 'codex-pool is stopping.');
    await refused.isOver();
    vi.advanceTimersByTime(MINUTE);
    (await server.next()).responds(aSummary('waits', ['home']));
    await expect.poll(() => shown).toEqual(['The pool is out', 'codex-pool: home']);
    switchOff();
    vi.advanceTimersByTime(2 * MINUTE);
    await expectNoRequest();
  });
});
