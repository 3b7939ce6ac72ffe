import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { usageLimit } from '../../src/fake-upstream/script/refusals.js';
import { SocketClient } from '../support/clients/socket-client.js';
import { typeOf } from '../support/clients/socket-message.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const SECOND = 1_000;

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
});

it('a failover in the middle of a WebSocket is seen within a second, with its reason', async () => {
  await using pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }], {
    settings: { PROXY_POLICY: 'fill-first' },
  });
  await pool.admin('PATCH', '/admin/accounts/home', { priority: 10 });
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { page } = opened;
  await using client = await SocketClient.connect(pool.origin);
  const turnEnd = async () =>
    typeOf((await client.turn()).at(-1) ?? { bytes: Buffer.from('{}'), isBinary: false, at: 0 });
  expect(await turnEnd()).toBe('response.completed');
  await page.getByText('today 1 turn').waitFor();
  pool.fakeUpstream.account('home').sockets.answers(usageLimit());
  expect(await turnEnd()).toBe('response.completed');
  await page.getByText('moved: home at its limit').waitFor({ timeout: SECOND });
  expect(pool.fakeUpstream.sockets.turns().map((it) => it.account)).toEqual(['home', 'home', 'work']);
  const home = page
    .getByRole('listitem')
    .filter({ has: page.getByRole('link', { name: 'home', exact: true }) });
  await home.getByText('At its limit').waitFor();
  await page.getByText('1 failover, 0 failed').waitFor();
  await page.locator('.now-turn a').first().click();
  const drawer = page.getByRole('complementary');
  await drawer.getByText('home').first().waitFor();
  await drawer.getByText('at its limit').first().waitFor();
  await drawer.getByText('work').first().waitFor();
  expect(opened.complaints).toEqual([]);
});
