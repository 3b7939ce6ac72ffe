import { expect, it } from 'vitest';
import { streams } from '../../src/fake-upstream/script/responses.js';
import { quotaHeaders } from '../../src/fake-upstream/script/quota.js';
import { AppServer } from './support/app-server.js';
import { Setting } from './support/setting.js';
import { Thread } from './support/thread.js';

it('shows an IDE the account that Codex is logged in with', async () => {
  await using setting = await Setting.start({ login: { plan: 'pro', accountId: 'pool' } });
  const server = await AppServer.start(setting);
  expect(await server.request('account/read', { refreshToken: false })).toMatchObject({
    account: { type: 'chatgpt', email: 'pool@local', planType: 'pro' },
    workspaceRouting: { chatgptAccountId: 'pool' },
  });
  expect(await server.end()).toBe(0);
});

it('shows an IDE the pool’s quota', async () => {
  await using setting = await Setting.start({
    accounts: ['a'],
    prepare: (fakeUpstream) => {
      fakeUpstream
        .account('a')
        .usage({ usedPercent: 42, windowSeconds: 18_000 }, { usedPercent: 17, windowSeconds: 604_800 });
    },
  });
  await setting.quotaKnown('a');
  const server = await AppServer.start(setting);
  expect(await server.request('account/rateLimits/read')).toMatchObject({
    rateLimits: {
      primary: { usedPercent: 42, windowDurationMins: 300 },
      secondary: { usedPercent: 17, windowDurationMins: 10_080 },
    },
  });
  expect(await server.end()).toBe(0);
});

it('shows an IDE only a weekly window if the account has no other', async () => {
  await using setting = await Setting.start({
    accounts: ['a'],
    prepare: (fakeUpstream) => fakeUpstream.account('a').usage({ usedPercent: 30, windowSeconds: 604_800 }),
  });
  await setting.quotaKnown('a');
  const server = await AppServer.start(setting);
  expect(await server.request('account/rateLimits/read')).toMatchObject({
    rateLimits: { primary: { usedPercent: 30, windowDurationMins: 10_080 }, secondary: null },
  });
  expect(await server.end()).toBe(0);
});

it('finishes two turns of one thread on one account', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) => {
      // The account that serves has little quota left afterwards: only the thread keeps the second turn there.
      const windows = [{ usedPercent: 95, windowSeconds: 18_000 }];
      for (const name of ['a', 'b'])
        fakeUpstream.account(name).always(streams({ headers: quotaHeaders(windows, 'plus') }));
    },
  });
  const server = await AppServer.start(setting);
  const thread = await Thread.start(server, setting.home.workFolder);
  for (const text of ['one', 'two']) {
    expect(await thread.turn(text)).toMatchObject({ status: 'completed', error: null });
  }
  expect(await server.end()).toBe(0);
  const turns = setting.fakeUpstream.turns().filter((entry) => entry.headers['session-id'] === thread.id);
  expect(turns).toHaveLength(2);
  expect(new Set(turns.map((entry) => entry.account)).size).toBe(1);
});
