import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refuses } from '../../src/fake-upstream/script/responses.js';
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

const two = [{ name: 'home' }, { name: 'work', plan: 'pro' }];
const LIMIT_REACHED = refuses(429, {
  error: {
    type: 'usage_limit_reached',
    message: 'The usage limit has been reached',
    resets_in_seconds: 3_600,
  },
});

describe('the first start', () => {
  it('leads from an empty pool by a dropped file to a served turn', async () => {
    await using pool = await BrowserPool.start([{ name: 'work' }], { inPool: [] });
    await using opened = await OperatorPage.open(browser, pool.origin);
    const { page } = opened;
    await page.getByText('The pool has no account yet.').waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Add an account' }).first().click();
    const login = JSON.stringify(pool.fakeUpstream.account('work').authJson());
    await opened.drop('.set-up-drop', 'auth.json', login);
    await page.getByText(/^● auth\.json: added as \S+$/).waitFor();
    await page.getByRole('link', { name: 'Now' }).click();
    await page.getByText(/Serves · next: \S+ · 1 of 1 ready/).waitFor();
    expect(await pool.turn()).toBeTruthy();
    await page.getByText('today 1 turn').waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('leads to an account by a login in this browser', async () => {
    await using pool = await BrowserPool.start([{ name: 'work' }], { inPool: [] });
    pool.fakeUpstream.authorization.person = 'work';
    await using opened = await OperatorPage.open(browser, pool.origin, '/?view=set-up');
    const { page } = opened;
    await page.getByLabel('Name').fill('work');
    const [tab] = await Promise.all([
      page.waitForEvent('popup'),
      page.getByRole('button', { name: 'Log in with this browser' }).click(),
    ]);
    await tab.click('#allow');
    await tab.getByText('The account work is in the pool now.').waitFor();
    await page.getByText(/Serves · next: work/).waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('leads to an account by a login with a code', async () => {
    await using pool = await BrowserPool.start([{ name: 'work' }], { inPool: [] });
    await using opened = await OperatorPage.open(browser, pool.origin, '/?view=set-up');
    const { page } = opened;
    await page.getByLabel('Name').fill('work');
    await page.getByRole('button', { name: 'Log in with a code' }).click();
    const code = await page.locator('.set-up-code').innerText();
    pool.fakeUpstream.authorization.device.approve(code, 'work');
    await page.getByText(/Serves · next: work/).waitFor({ timeout: 20_000 });
    expect(opened.complaints).toEqual([]);
  });
});

describe('an account', () => {
  it('is paused until a time, resumed, and set to a reserve and an order', async () => {
    await using pool = await BrowserPool.start(two);
    await using opened = await OperatorPage.open(browser, pool.origin, '/?account=work');
    const { page } = opened;
    const drawer = page.getByRole('complementary');
    await drawer.getByLabel('Until').selectOption('time');
    await drawer.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/work is paused until/).waitFor();
    await drawer.getByText(/^until (\w{3} )?\d\d:\d\d/).waitFor();
    expect(await pool.turn()).toBe('home');
    await drawer.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('work takes turns again').waitFor();
    await drawer.getByLabel('Reserve, %').fill('25');
    await drawer.getByLabel('Priority').fill('7');
    await drawer.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The settings of work are changed.').waitFor();
    expect(await pool.admin('GET', '/admin/accounts/work')).toMatchObject({
      paused: false,
      priority: 7,
      reserve: 0.25,
    });
    expect(opened.complaints).toEqual([]);
  });

  it('is removed only after its name was typed', async () => {
    await using pool = await BrowserPool.start(two);
    await using opened = await OperatorPage.open(browser, pool.origin, '/?account=work');
    const drawer = opened.page.getByRole('complementary');
    await drawer.getByRole('button', { name: 'Remove …' }).click();
    const remove = drawer.getByRole('button', { name: 'Remove work' });
    expect(await remove.isDisabled()).toBe(true);
    await drawer.getByLabel('Type work to confirm').fill('work');
    await remove.click();
    await opened.page.getByText(/work has left the pool/).waitFor();
    expect(await pool.admin('GET', '/admin/accounts')).toHaveLength(1);
    expect(opened.complaints).toEqual([]);
  });
});

it('a failover is seen within a second, with its reason, and explained', async () => {
  await using pool = await BrowserPool.start(two);
  const first = await pool.turn();
  const other = first === 'work' ? 'home' : 'work';
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { page } = opened;
  pool.fakeUpstream.account(first ?? '').always(LIMIT_REACHED);
  expect(await pool.turn()).toBe(other);
  const moved = page.getByText(`moved: ${first} at its limit`);
  await moved.waitFor({ timeout: 1_000 });
  await page.getByText('At its limit').first().waitFor();
  await page.locator('.now-turn a').first().click();
  const drawer = page.getByRole('complementary');
  await drawer
    .getByText(first ?? '')
    .first()
    .waitFor();
  await drawer.getByText(other).first().waitFor();
  expect(opened.complaints).toEqual([]);
});

it('filters are in the address and survive a reload and the back button', async () => {
  await using pool = await BrowserPool.start(two);
  await pool.turn('one', 'lighthouse', { model: 'gpt-5.5' });
  await pool.turn('two', 'lighthouse', { model: 'gpt-5.5-mini' });
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=turns&model=gpt-5.5-mini');
  const { page } = opened;
  await page.getByText('One turn.').waitFor();
  await page.reload();
  await page.getByText('One turn.').waitFor();
  await page.getByRole('link', { name: 'Now' }).click();
  await page.getByText('Last turns').waitFor();
  await page.goBack();
  await page.getByText('One turn.').waitFor();
  expect(new URL(page.url()).search).toBe('?view=turns&model=gpt-5.5-mini');
  await opened.goTo('/?view=turns&model=none-such');
  await page.getByText('No turn matches the filters.').waitFor();
  expect(opened.complaints).toEqual([]);
});

it('the first turn replaces the words of an empty list', async () => {
  await using pool = await BrowserPool.start(two);
  await using opened = await OperatorPage.open(browser, pool.origin, '/?view=turns');
  const { page } = opened;
  const empty = page.getByText('No turn yet: Codex has sent none to the pool.');
  await empty.waitFor();
  await pool.turn();
  await page.getByText('One turn.').waitFor();
  expect(await empty.count()).toBe(0);
  expect(opened.complaints).toEqual([]);
});

it('the page is used with the keyboard alone', async () => {
  await using pool = await BrowserPool.start(two);
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { page } = opened;
  const { keyboard } = page;
  await page.getByRole('link', { name: 'work' }).waitFor();
  await keyboard.press('j');
  await keyboard.press('j');
  await keyboard.press('Enter');
  await page.getByRole('complementary').getByRole('heading', { name: 'work' }).waitFor();
  await keyboard.press('Escape');
  await page.getByRole('complementary').waitFor({ state: 'detached' });
  const focused = page.locator(':focus');
  expect(await focused.innerText()).toBe('work');
  await keyboard.press('?');
  await page.getByText('next or previous row').waitFor();
  await keyboard.press('Escape');
  await page.getByText('next or previous row').waitFor({ state: 'hidden' });
  expect(opened.complaints).toEqual([]);
});

it('the page keeps its values while the program is away, and connects again', async () => {
  await using pool = await BrowserPool.start(two);
  await using opened = await OperatorPage.open(browser, pool.origin);
  const { page } = opened;
  await page.getByRole('link', { name: 'work' }).waitFor();
  await pool.stop();
  await page.getByText(/stale since/).waitFor();
  await page.getByRole('link', { name: 'work' }).waitFor();
  await pool.startAgain();
  await page.getByText('● live').waitFor({ timeout: 30_000 });
  await pool.turn();
  await page.getByText('today 1 turn').waitFor();
  const unexpected = opened.complaints.filter(
    (it) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY/.test(it),
  );
  expect(unexpected).toEqual([]);
});
