import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';

const TOKEN = 'made-up-operator-token';

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
});

it('asks for the token by a form, leads to the page that was asked for, and asks again for a changed one', async () => {
  await using pool = await BrowserPool.start([{ name: 'work' }], { settings: { PROXY_ADMIN_TOKEN: TOKEN } });
  await using context = await browser.newContext();
  const page = await context.newPage();
  const addresses: string[] = [];
  page.on('request', (it) => addresses.push(it.url()));
  const enter = async (token: string) => {
    await page.getByLabel('Token of the operator').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await page.goto(`${pool.origin}/?view=sessions`);
  await enter('another-made-up-token');
  await page.getByText('This is not the token in PROXY_ADMIN_TOKEN.').waitFor();
  await enter(TOKEN);
  await page.getByText('● live').waitFor();
  expect(new URL(page.url()).search).toBe('?view=sessions');
  await page.reload();
  await page.getByText('● live').waitFor();
  expect(addresses.filter((it) => it.includes(TOKEN))).toEqual([]);
  const [cookie, ...others] = await context.cookies();
  expect(others).toEqual([]);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  expect(cookie?.value).not.toContain(TOKEN);
  await pool.stop();
  await pool.startAgain({ PROXY_ADMIN_TOKEN: 'a-changed-made-up-token' });
  await page.getByLabel('Token of the operator').waitFor({ timeout: 30_000 });
});
