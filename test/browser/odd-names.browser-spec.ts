import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const RIGHT_TO_LEFT = 'الحساب القديم';
/** Names of accounts: markup that would run a script, a right-to-left name, an override of the direction, the longest. */
const names = [
  '<img src=x onerror="globalThis.hasRun=1">',
  RIGHT_TO_LEFT,
  'ltr \u202E rtl',
  'W'.repeat(200),
] as const;
const script = '<script>globalThis.hasRun = 1</script>';
const longest = 'm'.repeat(200);

let browser: Browser;
let pool: BrowserPool;

beforeAll(async () => {
  browser = await startChromium();
  pool = await BrowserPool.start(names.map((name) => ({ name })));
  const labels = [script, 'ت'.repeat(100), `\u202E${'label '.repeat(16)}`, 'M'.repeat(100)];
  for (const [index, name] of names.entries()) {
    const path = `/admin/accounts/${encodeURIComponent(name)}`;
    await pool.admin('PATCH', path, { label: labels[index] });
    await pool.turn(`session ${index}`, index === 0 ? script : longest, {
      model: index === 1 ? script : longest,
    });
  }
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

const views: [name: string, address: string][] = [
  ['now', '/'],
  ...names.map((it): [string, string] => [
    `account ${it.slice(0, 20)}`,
    `/?account=${encodeURIComponent(it)}`,
  ]),
  ['turns', '/?view=turns'],
  ['use', '/?view=use'],
  ['use by project', '/?view=use&by=project'],
  ['sessions', '/?view=sessions'],
];

describe('names that a person or a client has chosen', () => {
  it.each(views)('are text, and break nothing at any width: %s', async (_name, address) => {
    await using opened = await OperatorPage.open(browser, pool.origin, address);
    for (const width of [1_280, 360]) {
      await opened.page.setViewportSize({ width, height: 900 });
      await opened.settled();
      expect(await opened.sidewaysScroll()).toBe(0);
    }
    expect(await opened.page.evaluate('globalThis.hasRun ?? "not run"')).toBe('not run');
    expect(await opened.page.locator('img, main script').count()).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  it('are seen as they are written', async () => {
    await using opened = await OperatorPage.open(browser, pool.origin);
    const { page } = opened;
    await page.getByText(script).first().waitFor();
    await page.getByText(RIGHT_TO_LEFT, { exact: true }).first().waitFor();
    await opened.goTo('/?view=turns');
    await page.getByText(script).first().waitFor();
    await opened.goTo('/?view=use&by=project');
    await page.getByText(longest.slice(0, 20)).first().waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('are shown whole in the title, and do not turn the words beside them', async () => {
    await using opened = await OperatorPage.open(browser, pool.origin);
    const { page } = opened;
    for (const name of names) {
      const row = page.getByRole('listitem').filter({ has: page.getByTitle(name, { exact: true }) });
      const shown = row.locator('bdi', { hasText: name }).first();
      expect(await shown.getAttribute('title')).toBe(name);
      expect(await row.locator('.state').innerText()).toBe('● Ready');
      const [ofName, ofState] = await Promise.all([
        row.locator('.now-name').boundingBox(),
        row.locator('.state').boundingBox(),
      ]);
      expect(ofName?.x).toBeLessThan(ofState?.x ?? 0);
      expect((ofName?.x ?? 0) + (ofName?.width ?? 0)).toBeLessThanOrEqual((ofState?.x ?? 0) + 1);
    }
    expect(opened.complaints).toEqual([]);
  });
});
