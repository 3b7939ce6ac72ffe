import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { sessionSchema } from '../../src/api/session.js';
import { settingsSchema } from '../../src/api/settings.js';
import { eventually } from '../support/eventually.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const PATIENCE_MS = 10_000;

let browser: Browser;
let pool: BrowserPool;

beforeAll(async () => {
  browser = await startChromium();
  pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }], {
    settings: { PROXY_POLICY: 'fill-first' },
  });
  await pool.admin('PATCH', '/admin/accounts/home', { priority: 10 });
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

const sessions = async () => z.array(sessionSchema).parse(await pool.admin('GET', '/admin/affinity'));

async function setting(name: string): Promise<string | undefined> {
  const { settings } = settingsSchema.parse(await pool.admin('GET', '/admin/settings'));
  return settings.find((it) => it.name === name)?.value;
}

it('a session is moved, forgotten, and all of them after a second click', async () => {
  for (const session of ['one', 'two', 'three']) expect(await pool.turn(session)).toBe('home');
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=sessions');
  const { page } = opened;
  const rows = page.locator('.sessions-row');
  // The newest use is on top.
  const newest = rows.first();
  await newest.getByRole('combobox').selectOption('work');
  await opened.says('The session moves to work at its next turn.');
  await newest.getByText('home, moves to work at its next turn').waitFor();
  expect(await pool.turn('three')).toBe('work');
  await page.getByRole('button', { name: 'Refresh' }).click();
  await newest.getByText('work, came from home').waitFor();
  await rows
    .last()
    .getByRole('button', { name: /^Forget session/ })
    .click();
  await opened.says('Forgotten: the next turn of this session is placed anew.');
  expect(await rows.count()).toBe(2);
  expect(await sessions()).toHaveLength(2);
  await pool.admin('PATCH', '/admin/accounts/work', { priority: 20 });
  expect(await pool.turn('one')).toBe('work');
  await page.getByRole('button', { name: 'Forget all sessions …' }).click();
  await page.getByRole('button', { name: 'Keep them' }).click();
  expect(await sessions()).toHaveLength(3);
  await page.getByRole('button', { name: 'Forget all sessions …' }).click();
  await page.getByRole('button', { name: 'Yes, forget all sessions' }).click();
  await opened.says('Forgotten: 3 sessions.');
  await page.getByText('No session yet: the first turn of Codex begins one.').waitFor();
  expect(await sessions()).toEqual([]);
  expect(opened.complaints).toEqual([]);
});

it('a session that is forgotten elsewhere is not moved, and the list says why', async () => {
  await pool.turn('gone');
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=sessions');
  const row = opened.page.locator('.sessions-row').first();
  await row.waitFor();
  await pool.admin('DELETE', '/admin/affinity');
  await row.getByRole('combobox').selectOption('home');
  await opened.says('No such session; idle sessions are forgotten after a week.');
  expect(await row.getByRole('combobox').inputValue()).toBe('');
  expect(opened.unexpectedComplaints).toEqual([]);
});

it('settings are changed while the program runs, refused with a reason, and taken back', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=set-up');
  const { page } = opened;
  await page.getByLabel('Policy').selectOption('round-robin');
  await opened.says('New sessions: next in turn.');
  expect(await setting('PROXY_POLICY')).toBe('round-robin');
  // Not `check`: the box shows the setting in force, so that it changes only with the response.
  await page.getByLabel('More lines in the log, never secrets').click();
  await opened.says('The log has more lines now.');
  expect(await setting('PROXY_DEBUG')).toBe('1');
  const address = page.getByLabel('Alerts to');
  const save = page.locator('.set-up-notify').getByRole('button', { name: 'Save' });
  await address.fill('ftp://127.0.0.1/alerts');
  await save.click();
  await opened.says(/^notifyUrl: /);
  await address.fill('http://127.0.0.1:9/alerts');
  await save.click();
  await opened.says('The alerts go there from now on.');
  await page.getByRole('button', { name: 'Back to the configured values' }).click();
  await opened.says('The configured values hold again.');
  await eventually(async () => {
    const value = await page.getByLabel('Policy').inputValue();
    return value === 'fill-first' ? null : `the policy is shown as ${value}`;
  }, PATIENCE_MS);
  expect(await setting('PROXY_POLICY')).toBe('fill-first');
  expect(opened.unexpectedComplaints).toEqual([]);
});
