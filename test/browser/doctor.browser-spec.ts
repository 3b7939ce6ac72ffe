import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

/** The checks are a process of their own, which other work on the machine may delay. */
const CHECKS_MS = 40_000;

let browser: Browser;
let pool: BrowserPool;

beforeAll(async () => {
  browser = await startChromium();
  pool = await BrowserPool.start([{ name: 'home' }]);
  mkdirSync(join(pool.folder, '.codex'));
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

it('the set-up shows what the doctor finds, and checks again after the repair', async () => {
  const config = join(pool.folder, '.codex', 'config.toml');
  writeFileSync(config, 'openai_base_url = "http://127.0.0.1:9/v1"\n');
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=set-up');
  const { page } = opened;
  const section = page.getByRole('region', { name: 'Checks of the set-up' });
  const fault = section.locator('.set-up-fault', { hasText: "Codex's config sends turns to" });
  await fault.waitFor({ timeout: CHECKS_MS });
  expect(await fault.innerText()).toContain('The pool does not see them.');
  expect(await fault.innerText()).toContain('codex-pool setup, if that is not on purpose.');
  expect(await section.getByRole('status').innerText()).toMatch(/^\d+ findings? in 1\d checks/);
  await section.locator('summary').click();
  await section.getByRole('cell', { name: '1 usable of 1 files in ~/pool' }).waitFor();
  expect(await opened.axeFindings()).toEqual([]);
  rmSync(config);
  const again = section.getByRole('button', { name: 'Check again' });
  await again.click();
  await fault.waitFor({ state: 'hidden', timeout: CHECKS_MS });
  await again.waitFor({ timeout: CHECKS_MS });
  expect(opened.complaints).toEqual([]);
}, 90_000);

it('checks that cannot be made leave the rest of the set-up, and a way to try again', async () => {
  await using opened = await OperatorPage.open(browser, pool.origin, '/', {
    prepare: async (context) => {
      let count = 0;
      // The answers of the API itself are tested in test/e2e/operator/doctor.e2e-spec.ts.
      await context.route('**/admin/doctor', async (route) => {
        count += 1;
        const detail = 'The checks could not be made. Run `codex-pool doctor` in a terminal.';
        const refusal = { type: 'about:blank', title: 'x', status: 503, code: 'checks_failed', detail };
        const good = { version: '1', node: '24', npm: null, platform: 'linux', arch: 'x64' };
        const checks = [{ check: 'Node', fact: '24', findings: [] }];
        await (count === 1
          ? route.fulfill({ status: 503, json: refusal })
          : route.fulfill({ json: { ...good, checks, checkedAt: Date.now() } }));
      });
    },
  });
  const { page } = opened;
  await page.getByRole('link', { name: 'Set-up' }).click();
  const section = page.getByRole('region', { name: 'Checks of the set-up' });
  await section.getByRole('alert').getByText('The checks could not be made.').waitFor();
  await page.getByLabel('Policy').waitFor();
  await section.getByRole('button', { name: 'Try again' }).click();
  await section.getByText('Nothing found in 1 check.').waitFor();
  expect(await section.getByRole('alert').count()).toBe(0);
  expect(opened.unexpectedComplaints).toEqual([]);
});
