import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { usageLimit } from '../../src/fake-upstream/script/refusals.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const HOUR = 3_600_000;

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
});

it('a browser whose clock jumps counts down by the clock of the program', async () => {
  await using pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }]);
  for (const name of ['home', 'work'])
    pool.fakeUpstream
      .account(name)
      .usage({ usedPercent: 4, windowSeconds: 5 * 3_600, resetsInSeconds: 150 * 60 })
      .answers(usageLimit({ resetsInSeconds: 150 * 60 }));
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { page } = opened;
  await page.clock.install();
  await page.reload();
  await expect(pool.turn()).rejects.toThrow('429');
  const home = page.getByRole('link', { name: 'home', exact: true });
  const line = page
    .getByRole('listitem')
    .filter({ has: home })
    .getByText(/^back (\w{3} )?\d\d:\d\d \(in 2 h (30|29)\)$/);
  await line.waitFor();
  for (const jumpMs of [3 * HOUR, -3 * HOUR]) {
    await page.clock.setSystemTime(Date.now() + jumpMs);
    await page.clock.runFor(2_000);
    await line.waitFor();
  }
  expect(opened.complaints).toEqual([]);
});
