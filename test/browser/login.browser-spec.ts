import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { type RunningProxy, startProxy } from '../codex/support/running-proxy.js';
import { aTurn } from '../support/pool/pool.js';
import { startChromium } from './support/chromium.js';

let browser: Browser;
let fakeUpstream: FakeUpstream;
let proxy: RunningProxy;
const folder = mkdtempSync(join(tmpdir(), 'codex-pool-browser-'));

beforeAll(async () => {
  browser = await startChromium();
  fakeUpstream = await FakeUpstream.start({ accounts: ['new'] });
  proxy = await startProxy(folder, fakeUpstream.env);
});

afterAll(async () => {
  await browser?.close();
  await proxy?.child.stop();
  await fakeUpstream?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function ask(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(proxy.origin + path, { method, headers, ...sent });
}

/** Begins a login, opens its URL, and clicks `choice` on the page. */
async function login(name: string, choice: 'allow' | 'deny'): Promise<{ id: string; page: Page }> {
  const begun = await ask('POST', '/admin/login/browser', { name });
  const { id, url } = z.object({ id: z.string(), url: z.url() }).parse(await begun.json());
  const page = await browser.newPage();
  await page.goto(url);
  await page.click(`#${choice}`);
  await page.waitForURL('**/auth/callback?*');
  expect(new URL(page.url())).toMatchObject({ hostname: '127.0.0.1', pathname: '/auth/callback' });
  expect(['1455', '1457']).toContain(new URL(page.url()).port);
  return { id, page };
}

const textOf = async (page: Page): Promise<string> => await page.locator('body').innerText();

it('an account that is allowed in a browser serves the next turn', async () => {
  expect((await ask('POST', '/v1/responses', aTurn())).status).toBe(503);
  fakeUpstream.authorization.person = 'new';
  const { id, page } = await login('work', 'allow');
  expect(await textOf(page)).toBe('The account work is in the pool now. You may close this window.');
  const state = await (await ask('GET', `/admin/login/${id}`)).json();
  expect(state).toMatchObject({ state: 'succeeded', account: 'work', result: 'added' });
  const turn = await ask('POST', '/v1/responses', aTurn());
  expect(turn.status).toBe(200);
  expect(turn.headers.get('x-codex-pool-account')).toBe('work');
  expect(await turn.text()).toContain('response.completed');
  expect(fakeUpstream.attempts()).toEqual(['new']);
});

it('shows in the browser that a login was denied, and changes nothing', async () => {
  const { id, page } = await login('other', 'deny');
  expect(await textOf(page)).toBe('The login did not work. The login was refused in the browser.');
  const state = await (await ask('GET', `/admin/login/${id}`)).json();
  expect(state).toMatchObject({ state: 'failed', code: 'access_denied' });
  expect(proxy.child.stdout).not.toMatch(/ac_made-up|rt_made-up/);
});
