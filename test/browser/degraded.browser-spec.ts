import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chooseDriver } from '../../src/storage/database-driver.js';
import { openFile } from '../../src/storage/database-file.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
});

/** Makes the database one that this version leaves untouched: nothing is recorded then. */
async function madeByNewerVersion(path: string): Promise<void> {
  const file = await openFile(path, chooseDriver('node'), []);
  if (file.kind !== 'open') throw new Error('the database cannot be opened');
  await file.source.query(
    "INSERT INTO migrations (timestamp, name) VALUES (4102444800000, 'Later4102444800000')",
  );
  await file.source.destroy();
}

it('without a database the page says so, and goes on showing what it has in memory', async () => {
  await using pool = await BrowserPool.start([{ name: 'home' }]);
  await pool.stop();
  await madeByNewerVersion(join(pool.folder, 'data', 'proxy.db'));
  await pool.startAgain();
  expect(await pool.turn()).toBe('home');
  await using opened = await OperatorPage.open(browser, pool.origin, '/');
  const { page } = opened;
  await page.getByRole('region', { name: 'Problems' }).getByText('Usage is not recorded').waitFor();
  await page.locator('.now-turn', { hasText: 'home' }).waitFor();
  await page.getByRole('link', { name: 'Use', exact: true }).click();
  await page.getByRole('alert').first().waitFor();
  expect(await page.getByRole('button', { name: 'Try again' }).count()).toBeGreaterThan(0);
  await page.getByRole('link', { name: 'Turns', exact: true }).click();
  await page.locator('.turns-body .turns-row', { hasText: 'home' }).waitFor();
  expect(await opened.axeFindings()).toEqual([]);
  expect(opened.unexpectedComplaints).toEqual([]);
});

it('with an upstream that is down the page shows the failed turns, and says that the way is blocked', async () => {
  await using pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }]);
  await using opened = await OperatorPage.open(browser, pool.origin, '/');
  const { page } = opened;
  await page.getByText(/^Serves · /).waitFor();
  await pool.stop();
  await pool.startAgain({ UPSTREAM_RESPONSES_BASE: 'http://127.0.0.1:9/backend-api/codex' });
  for (const session of ['one', 'two', 'three', 'four'])
    await expect(pool.turn(session)).rejects.toThrow('503');
  await page.getByText('● live').waitFor();
  await page
    .locator('.verdict')
    .getByText(/does not answer|cannot be reached|blocked/)
    .waitFor();
  await page.locator('.now-turn').first().waitFor();
  expect(await opened.axeFindings()).toEqual([]);
  expect(opened.unexpectedComplaints).toEqual([]);
});
