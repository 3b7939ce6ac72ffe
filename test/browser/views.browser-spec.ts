import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { startMadeUpPool } from './support/made-up-pool.js';
import { OperatorPage } from './support/operator-page.js';

const pictures = fileURLToPath(new URL('../../docs/pictures', import.meta.url));
/** They differ after each run, by their times, so they are replaced only on request. */
const replacesPictures = process.env['PICTURES'] === '1';
const themes = ['light', 'dark'] as const;

let browser: Browser;
let pool: BrowserPool;
let zone: string;
let newestTurn: string;

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  browser = await startChromium();
  ({ pool, zone } = await startMadeUpPool());
  const [newest] = z.array(z.object({ id: z.string() })).parse(await pool.admin('GET', '/admin/requests'));
  newestTurn = newest?.id ?? '';
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

const views: [name: string, address: () => string][] = [
  ['now', () => '/'],
  ['account', () => '/?account=work'],
  ['turns', () => '/?view=turns'],
  ['turn', () => `/?view=turns&turn=${newestTurn}`],
  ['use', () => '/?view=use'],
  ['sessions', () => '/?view=sessions'],
  ['set-up', () => '/?view=set-up'],
];

describe.each(views)('the view %s', (name, address) => {
  it.each(themes)('has no accessibility fault and no complaint of the browser (%s)', async (theme) => {
    await using opened = await OperatorPage.open(browser, pool.origin, address(), { theme, zone });
    await opened.settled();
    expect(await opened.axeFindings()).toEqual([]);
    if (replacesPictures) await opened.page.screenshot({ path: join(pictures, `${name}-${theme}.png`) });
    expect(opened.complaints).toEqual([]);
  });

  it.each([768, 360])('fits a width of %i px', async (width) => {
    await using opened = await OperatorPage.open(browser, pool.origin, address(), { width, zone });
    await opened.settled();
    expect(await opened.sidewaysScroll()).toBe(0);
    expect(await opened.axeFindings()).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });
});

it('no tab moves when another view is chosen', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin, '/');
  const tabs = opened.page.locator('nav[aria-label="Views"] a');
  const lefts = () => tabs.evaluateAll((all) => all.map((it) => it.getBoundingClientRect().left));
  const before = await lefts();
  await tabs.getByText('Sessions', { exact: true }).click();
  await opened.page.locator('nav a[aria-current]', { hasText: 'Sessions' }).waitFor();
  expect(before.length).toBeGreaterThan(3);
  expect(await lefts()).toEqual(before);
});
