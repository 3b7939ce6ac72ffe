import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rateLimit } from '../../src/fake-upstream/script/refusals.js';
import { eventually } from '../support/eventually.js';
import { BrowserPool } from './support/browser-pool.js';
import { startChromium } from './support/chromium.js';
import { OperatorPage } from './support/operator-page.js';

const HOURS = 3_600;
const PATIENCE_MS = 10_000;

let browser: Browser;
let pool: BrowserPool;

beforeAll(async () => {
  browser = await startChromium();
  pool = await BrowserPool.start([{ name: 'home' }, { name: 'work' }, { name: 'spare' }], {
    settings: { PROXY_POLICY: 'fill-first' },
  });
  await pool.admin('PATCH', '/admin/accounts/work', { priority: 10 });
});

afterAll(async () => {
  await browser?.close();
  await pool?.[Symbol.asyncDispose]();
});

/** Opens the drawer of an account. */
async function drawerOf(name: string): Promise<[opened: OperatorPage, drawer: Locator]> {
  const opened = await OperatorPage.open(browser, pool.origin, `/?account=${name}`);
  return [opened, opened.page.getByRole('complementary')];
}

const button = (drawer: Locator, name: string): Locator => drawer.getByRole('button', { name, exact: true });

function uses(name: string, usedPercent: number): void {
  const window = { usedPercent, windowSeconds: 5 * HOURS, resetsInSeconds: 2 * HOURS };
  pool.fakeUpstream.account(name).usage(window);
}

describe('the drawer of an account checks it', () => {
  it('by a poll, whose numbers show at once', async () => {
    const [opened, drawer] = await drawerOf('home');
    await using _ = opened;
    uses('home', 58);
    await button(drawer, 'Poll quota').click();
    await opened.says('The quota of home has been polled.');
    await drawer.getByText('42 %', { exact: true }).waitFor();
    expect((await pool.account('home')).windows).toMatchObject([{ usedRatio: 0.58 }]);
    expect(opened.complaints).toEqual([]);
  });

  it('by a refresh of its token', async () => {
    const [opened, drawer] = await drawerOf('home');
    await using _ = opened;
    const before = pool.fakeUpstream.account('home').refreshTokens().length;
    await button(drawer, 'Refresh token').click();
    await opened.says('The token of home has been refreshed.');
    await drawer.getByText('just now').first().waitFor();
    expect(pool.fakeUpstream.account('home').refreshTokens()).toHaveLength(before + 1);
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  it('by forgetting its cooldowns, so that it serves the next turn', async () => {
    const [opened, drawer] = await drawerOf('work');
    await using _ = opened;
    expect(await button(drawer, 'Forget cooldowns').isDisabled()).toBe(true);
    pool.fakeUpstream.account('work').answers(rateLimit(600));
    expect(await pool.turn('cooling')).not.toBe('work');
    await drawer.getByText('Resting').waitFor();
    await button(drawer, 'Forget cooldowns').click();
    await opened.says('The cooldowns of work are forgotten; the next turn may try it.');
    await drawer.getByText('No refusal is in force.').waitFor();
    expect(await pool.account('work')).toMatchObject({ state: 'ready', refusals: [] });
    expect(await pool.turn('after the cooldown')).toBe('work');
    expect(opened.complaints).toEqual([]);
  });
});

describe('the drawer of an account pauses it', () => {
  it('until it is resumed', async () => {
    const [opened, drawer] = await drawerOf('work');
    await using _ = opened;
    await button(drawer, 'Pause').click();
    await opened.says('work is paused until it is resumed; its running turns go on.');
    await drawer.getByText('until resumed').waitFor();
    expect(await pool.account('work')).toMatchObject({ paused: true, pausedUntil: null });
    expect(await pool.turn('while paused')).not.toBe('work');
    await button(drawer, 'Resume').click();
    await opened.says('work takes turns again.');
    expect(await pool.account('work')).toMatchObject({ paused: false });
    expect(opened.complaints).toEqual([]);
  });

  it('until its reset, once that is known', async () => {
    const [opened, drawer] = await drawerOf('work');
    await using _ = opened;
    uses('work', 10);
    await button(drawer, 'Poll quota').click();
    await drawer.getByText('90 %', { exact: true }).waitFor();
    await drawer.getByLabel('Until').selectOption('reset');
    await button(drawer, 'Pause').click();
    await opened.says(/^work is paused until (\w{3} )?\d\d:\d\d; its running turns go on\.$/);
    const { paused, pausedUntil, windows } = await pool.account('work');
    expect({ paused, pausedUntil }).toEqual({ paused: true, pausedUntil: windows[0]?.resetsAt });
    // This time in the row of the list.
    await opened.page.getByRole('main').getByRole('button', { name: 'Resume' }).first().click();
    await opened.says('work takes turns again.');
    expect(await pool.account('work')).toMatchObject({ paused: false, pausedUntil: null });
    expect(opened.complaints).toEqual([]);
  });

  it('not until a time that has passed', async () => {
    const [opened, drawer] = await drawerOf('work');
    await using _ = opened;
    await drawer.getByLabel('Until').selectOption('time');
    await drawer.getByLabel('Time', { exact: true }).fill('2020-01-01T00:00');
    await drawer.getByText('A time that is still to come.').waitFor();
    expect(await button(drawer, 'Pause').isDisabled()).toBe(true);
  });
});

describe('the drawer of an account sets', () => {
  it('its label, order, reserve, cap and credits, and takes label and cap away again', async () => {
    const [opened, drawer] = await drawerOf('spare');
    await using _ = opened;
    const save = button(drawer, 'Save');
    expect(await save.isDisabled()).toBe(true);
    await drawer.getByLabel('Label').fill('the old laptop');
    await drawer.getByLabel('Priority').fill('-3');
    await drawer.getByLabel('Reserve, %').fill('15');
    await drawer.getByLabel('Most turns at a time').fill('2');
    await drawer.getByLabel('Credits').selectOption('never');
    await save.click();
    await opened.says('The settings of spare are changed.');
    const changed = {
      label: 'the old laptop',
      priority: -3,
      reserve: 0.15,
      maxInFlight: 2,
      credits: 'never',
    };
    expect(await pool.account('spare')).toMatchObject(changed);
    await opened.page.getByRole('main').getByText('the old laptop').waitFor();
    await drawer.getByLabel('Label').fill('');
    await drawer.getByLabel('Most turns at a time').fill('');
    await save.click();
    await eventually(async () => {
      const { label, maxInFlight } = await pool.account('spare');
      return label === null && maxInFlight === null ? null : `${label}, ${maxInFlight}`;
    }, PATIENCE_MS);
    await pool.admin('PATCH', '/admin/accounts/spare', { priority: 0, reserve: 0, credits: 'last' });
    expect(opened.complaints).toEqual([]);
  });

  it.each([
    ['Reserve, %', '150', /^reserve: a share from 0 to /],
    ['Priority', '99999999999', /^priority: a whole number from /],
    ['Most turns at a time', '0', /^maxInFlight: a whole number from 1 to /],
  ])('no %s of %s: it shows the words of the API, and keeps the draft', async (field, value, words) => {
    const [opened, drawer] = await drawerOf('spare');
    await using _ = opened;
    const before = await pool.account('spare');
    await drawer.getByLabel(field).fill(value);
    await button(drawer, 'Save').click();
    await opened.says(words);
    expect(await drawer.getByLabel(field).inputValue()).toBe(value);
    const { priority, reserve, maxInFlight } = before;
    expect(await pool.account('spare')).toMatchObject({ priority, reserve, maxInFlight });
    expect(opened.unexpectedComplaints).toEqual([]);
  });
});

describe('a button of the drawer whose call fails shows why', () => {
  it('a poll that upstream refuses', async () => {
    const [opened, drawer] = await drawerOf('spare');
    await using _ = opened;
    pool.fakeUpstream.account('spare').usageResponses(500, { detail: 'made-up' });
    await button(drawer, 'Poll quota').click();
    await opened.says(/^The quota of spare could not be polled: .*500/);
    uses('spare', 5);
    await button(drawer, 'Poll quota').click();
    await opened.says('The quota of spare has been polled.');
    expect(opened.unexpectedComplaints).toEqual([]);
  });

  it('a refresh that the token endpoint refuses for good (409), which leads to a login', async () => {
    const [opened, drawer] = await drawerOf('spare');
    await using _ = opened;
    const { page } = opened;
    pool.fakeUpstream.account('spare').expireAccessToken().revokeRefreshToken();
    await button(drawer, 'Refresh token').click();
    await opened.says(/spare/);
    await button(drawer, 'Log in again').first().waitFor();
    pool.fakeUpstream.authorization.person = 'spare';
    const [tab] = await Promise.all([
      page.waitForEvent('popup'),
      button(drawer, 'Log in again').first().click(),
    ]);
    await opened.says('A page of OpenAI has been opened: log in there as spare.');
    await tab.click('#allow');
    await tab.getByText('The account spare').waitFor();
    await eventually(async () => {
      const { state } = await pool.account('spare');
      return state === 'ready' ? null : state;
    }, PATIENCE_MS);
    expect(opened.unexpectedComplaints).toEqual([]);
  });

  it('a removal of an account that is gone already', async () => {
    const [opened, drawer] = await drawerOf('spare');
    await using _ = opened;
    await button(drawer, 'Remove …').click();
    await drawer.getByLabel('Type spare to confirm').fill('spar');
    expect(await button(drawer, 'Remove spare').isDisabled()).toBe(true);
    await button(drawer, 'Keep it').click();
    await button(drawer, 'Remove …').waitFor();
    expect(await pool.account('spare')).toMatchObject({ name: 'spare' });
    await pool.admin('DELETE', '/admin/accounts/spare');
    await drawer.getByText('The pool has no account of this name.').waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('any, while the program is gone', async () => {
    await using gone = await BrowserPool.start([{ name: 'work' }]);
    await using opened = await OperatorPage.open(browser, gone.origin, '/?account=work');
    const drawer = opened.page.getByRole('complementary');
    await gone.stop();
    for (const name of ['Poll quota', 'Refresh token', 'Pause']) {
      await button(drawer, name).click();
      await opened.says(/^codex-pool does not respond \(/);
      await button(opened.page.locator('.notice'), 'Close the notice').click();
      expect(await button(drawer, name).isEnabled()).toBe(true);
    }
    const rest = opened.complaints.filter((it) => !/ERR_|Failed to load resource/.test(it));
    expect(rest).toEqual([]);
  });
});
