import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { usageLimit } from '../../src/fake-upstream/script/refusals.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const MINUTE = 60_000;
const shownSchema = z.array(z.object({ title: z.string(), body: z.string(), tag: z.string() }));
type Shown = z.infer<typeof shownSchema>;

/** Records each notification, and lets the browser show it; counts those that it did show. */
const record = `
  globalThis.shownNotifications = [];
  globalThis.shownByBrowser = 0;
  globalThis.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      shownNotifications.push({ title: this.title, body: this.body, tag: this.tag });
      this.addEventListener('show', () => (shownByBrowser += 1));
    }
  };`;

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
});

async function allow(context: BrowserContext): Promise<void> {
  await context.grantPermissions(['notifications']);
  await context.addInitScript(record);
}

/** A pool whose accounts are tried in this order. */
async function startPool(...names: readonly string[]): Promise<BrowserPool> {
  const pool = await BrowserPool.start(
    names.map((name) => ({ name })),
    { settings: { PROXY_POLICY: 'fill-first' } },
  );
  for (const [index, name] of names.entries())
    await pool.admin('PATCH', `/admin/accounts/${encodeURIComponent(name)}`, { priority: -index });
  await pool.turn('before everything');
  return pool;
}

/** The notifications since the page was loaded. */
async function shownIn({ page }: OperatorPage): Promise<Shown> {
  return shownSchema.parse(await page.evaluate('shownNotifications'));
}

async function switchOn(opened: OperatorPage): Promise<void> {
  await opened.goTo('/?view=set-up');
  await opened.page.getByRole('button', { name: 'Switch on' }).click();
  await opened.page.getByRole('button', { name: 'Switch off' }).waitFor();
}

function loseLogin(pool: BrowserPool, name: string): void {
  pool.fakeUpstream.account(name).expireAccessToken().revokeRefreshToken();
}

/** Resolves when the page shows these words, so that it has seen the state that they belong to. */
async function sees({ page }: OperatorPage, words: string | RegExp): Promise<void> {
  await page.getByText(words).first().waitFor();
}

const needsLogin = (name: string) => ({
  title: `codex-pool: ${name}`,
  body: `${name} needs a login: its turns go to other accounts.`,
  tag: `codex-pool:needs-login:${name}`,
});

describe('notifications of the browser', () => {
  it('say once that an account needs a login, that the pool is out, and that it is back', async () => {
    await using pool = await startPool('home', 'work');
    await using opened = await OperatorPage.open(browser, pool.origin, '/', { prepare: allow });
    await switchOn(opened);
    await opened.page.getByRole('link', { name: 'Now' }).click();
    loseLogin(pool, 'home');
    expect(await pool.turn('one')).toBe('work');
    await sees(opened, 'home needs a login: its turns go to other accounts.');
    await pool.turn('two');
    await sees(opened, 'today 3 turns');
    expect(await shownIn(opened)).toEqual([needsLogin('home')]);
    pool.fakeUpstream.account('work').answers(usageLimit());
    await expect(pool.turn('three')).rejects.toThrow('429');
    await sees(opened, /Nothing until/);
    await pool.admin('POST', '/admin/accounts/work/reset');
    await sees(opened, /Serves · next: work/);
    expect(await shownIn(opened)).toEqual([
      needsLogin('home'),
      {
        title: 'The pool is out',
        body: expect.stringMatching(/^Nothing until (\w{3} )?\d\d:\d\d/),
        tag: 'codex-pool:pool',
      },
      { title: 'The pool is back', body: 'Serves · next: work · 1 of 2 ready', tag: 'codex-pool:pool' },
    ]);
    await expect.poll(async () => opened.page.evaluate('shownByBrowser')).toBe(3);
    expect(opened.complaints).toEqual([]);
  });

  it('stay on after a reload, which repeats none, and stop when they are switched off', async () => {
    await using pool = await startPool('home', 'work', 'spare', 'lab');
    await using opened = await OperatorPage.open(browser, pool.origin, '/', { prepare: allow });
    loseLogin(pool, 'home');
    await pool.turn('before the opt-in');
    await sees(opened, /^▲ home needs a login/);
    expect(await shownIn(opened)).toEqual([]);
    await switchOn(opened);
    await opened.page.reload();
    await sees(opened, '● live');
    loseLogin(pool, 'work');
    await pool.turn('after the reload');
    await opened.page.getByRole('link', { name: 'Now' }).click();
    await sees(opened, /^▲ work needs a login/);
    expect(await shownIn(opened)).toEqual([needsLogin('work')]);
    await opened.page.getByRole('link', { name: 'Set-up' }).click();
    await opened.page.getByRole('button', { name: 'Switch off' }).click();
    await opened.page.getByRole('link', { name: 'Now' }).click();
    loseLogin(pool, 'spare');
    await pool.turn('after the opt-out');
    await sees(opened, /^▲ spare needs a login/);
    expect(await shownIn(opened)).toEqual([needsLogin('work')]);
    expect(opened.complaints).toEqual([]);
  });

  it('name no e-mail address, even if an account is named by one', async () => {
    await using pool = await startPool('me@example.test', 'work');
    await using opened = await OperatorPage.open(browser, pool.origin, '/', { prepare: allow });
    await switchOn(opened);
    await opened.page.getByRole('link', { name: 'Now' }).click();
    loseLogin(pool, 'me@example.test');
    await pool.turn('one');
    await sees(opened, /^▲ me@example\.test needs a login/);
    const [shown, ...others] = await shownIn(opened);
    expect(others).toEqual([]);
    const { title, body } = needsLogin('an account');
    expect(shown).toMatchObject({ title, body });
    expect(JSON.stringify(shown)).not.toContain('@');
    expect(opened.complaints).toEqual([]);
  });

  it('come while the page is in the background, where it asks once a minute', async () => {
    await using pool = await startPool('home', 'work');
    await using opened = await OperatorPage.open(browser, pool.origin, '/', { prepare: allow });
    await switchOn(opened);
    const { page } = opened;
    await page.clock.install();
    await page.reload();
    await sees(opened, '● live');
    await page.evaluate(`
      Object.defineProperty(document, 'hidden', { get: () => true });
      document.dispatchEvent(new Event('visibilitychange'));`);
    await sees(opened, /stale since/);
    loseLogin(pool, 'home');
    await pool.turn('in the background');
    expect(await shownIn(opened)).toEqual([]);
    for (const _ of [1, 2]) {
      const asked = page.waitForResponse('**/admin/summary');
      await page.clock.runFor(MINUTE);
      await (await asked).finished();
    }
    await expect.poll(async () => shownIn(opened)).toEqual([needsLogin('home')]);
    expect(opened.complaints).toEqual([]);
  });

  it('are not offered where the browser forbids them', async () => {
    await using pool = await startPool('work');
    await using opened = await OperatorPage.open(browser, pool.origin, '/?view=set-up', {
      prepare: async (context) => context.grantPermissions([]),
    });
    await sees(opened, 'The settings of this browser forbid notifications for this address.');
    expect(opened.complaints).toEqual([]);
  });
});
