import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { limits } from '../../src/config/limits.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

let browser: Browser;
let pool: BrowserPool;

beforeAll(async () => {
  browser = await startChromium();
  pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }], {
    settings: { PROXY_POLICY: 'fill-first' },
  });
  await pool.admin('PATCH', '/admin/accounts/work', { priority: 10 });
  await pool.turn('before everything');
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

const strip = ({ page }: OperatorPage): Locator => page.getByRole('region', { name: 'Problems' });
const button = (of: Locator, name: string): Locator => of.getByRole('button', { name });

/** Holds the ports of a login by browser, as a login of Codex does. */
async function holdLoginPorts(): Promise<AsyncDisposable> {
  const servers: Server[] = [];
  for (const port of limits.loginPorts) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map(async (it) => once(it.close(), 'close')));
    },
  };
}

it('an account that needs a login: the button says why it cannot begin one, then opens it', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin);
  pool.fakeUpstream.account('work').expireAccessToken().revokeRefreshToken();
  expect(await pool.turn('refused')).toBe('home');
  const login = button(strip(opened), 'Log in again');
  await strip(opened).getByText('work needs a login: its turns go to other accounts.').waitFor();
  {
    await using _ = await holdLoginPorts();
    await login.click();
    await opened.says(/^A login by browser needs port \d+ or \d+ of 127\.0\.0\.1, but none is free/);
  }
  pool.fakeUpstream.authorization.person = 'work';
  const [tab] = await Promise.all([opened.page.waitForEvent('popup'), login.click()]);
  await tab.click('#allow');
  await tab.getByText('The account work').waitFor();
  await strip(opened).waitFor({ state: 'detached' });
  expect(await pool.account('work')).toMatchObject({ state: 'ready' });
  expect(await pool.turn('after the login')).toBe('work');
  expect(opened.unexpectedComplaints).toEqual([]);
});

it('a token that is not renewed: the button refreshes it, or says why it cannot', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { tokens } = pool.fakeUpstream;
  const reusesBefore = tokens.reuses;
  const fault = { status: 500, body: { error: 'made-up' } };
  tokens.answers(...Array.from({ length: 20 }, () => fault));
  pool.fakeUpstream.account('work').expireAccessToken();
  expect(await pool.turn('not renewed')).toBe('home');
  await strip(opened)
    .getByText(/^▲ The token of work cannot be renewed/)
    .waitFor();
  await button(strip(opened), 'Refresh token').click();
  await opened.says(/500/);
  tokens.clearFaults();
  await button(strip(opened), 'Refresh token').click();
  await opened.says('The token of work has been refreshed.');
  await strip(opened).waitFor({ state: 'detached' });
  expect(await pool.account('work')).toMatchObject({ state: 'ready' });
  expect(tokens.reuses).toBe(reusesBefore);
  expect(opened.unexpectedComplaints).toEqual([]);
});

it('a file that is not usable: the button reads the folder again', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin);
  const path = join(pool.folder, 'pool', 'broken.json');
  writeFileSync(path, '{', { mode: 0o600 });
  await strip(opened)
    .getByText(/^▲ broken\.json is not usable: /)
    .waitFor();
  const reloaded = opened.page.waitForResponse(
    (it) => it.url().endsWith('/admin/reload') && it.request().method() === 'POST',
  );
  await button(strip(opened), 'Read the folder again').click();
  await opened.says('The pool folder has been read again.');
  expect((await reloaded).status()).toBe(200);
  await strip(opened).getByText('broken.json').waitFor();
  await pool.admin('DELETE', '/admin/accounts/broken');
  await strip(opened).waitFor({ state: 'detached' });
  expect(opened.complaints).toEqual([]);
});

it('a pool in which all are paused: the button resumes one, which serves', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin);
  for (const name of ['home', 'work']) await pool.admin('PATCH', `/admin/accounts/${name}`, { paused: true });
  const line = strip(opened).getByRole('listitem').filter({ hasText: 'home is paused' });
  await line.getByText('home is paused, and no other account can serve: resume it.').waitFor();
  await button(line, 'Resume').click();
  await opened.says('home takes turns again.');
  await strip(opened).waitFor({ state: 'detached' });
  expect(await pool.account('home')).toMatchObject({ paused: false });
  expect(await pool.turn('resumed')).toBe('home');
  await pool.admin('PATCH', '/admin/accounts/work', { paused: false });
  expect(opened.complaints).toEqual([]);
});

it('a pool that Codex has not used, and one without an account: the links lead to Set-up', async () => {
  await using unused = await BrowserPool.start([{ name: 'work' }]);
  await using opened = await OperatorPage.open(browser, unused.origin);
  await strip(opened).getByRole('link', { name: 'How to set up Codex' }).click();
  await opened.page.getByRole('heading', { name: 'Add an account' }).waitFor();
  await unused.admin('DELETE', '/admin/accounts/work');
  await opened.goTo('/');
  await strip(opened).getByRole('link', { name: 'Add an account' }).click();
  await opened.page.getByRole('heading', { name: 'Add an account' }).waitFor();
  expect(opened.complaints).toEqual([]);
});
