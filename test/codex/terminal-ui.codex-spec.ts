import { expect, it } from 'vitest';
import { Setting } from './support/setting.js';
import { Terminal } from './support/terminal.js';

it('starts, takes a prompt, shows the response, and shows the pool’s limits in /status', async () => {
  await using setting = await Setting.start({
    accounts: ['a'],
    prepare: (fakeUpstream) => {
      fakeUpstream
        .account('a')
        .usage({ usedPercent: 42, windowSeconds: 18_000 }, { usedPercent: 17, windowSeconds: 604_800 });
    },
  });
  await setting.quotaKnown('a');
  await using terminal = await Terminal.start(setting, '--no-daemon');
  await terminal.shows(/Ask Codex to do anything/);
  await terminal.type('say hello');
  await terminal.shows(/› say hello/);
  await terminal.press('Enter');
  await terminal.shows(/• served by a/);
  await terminal.type('/status');
  await terminal.shows(/\/status +show current session/);
  await terminal.press('Enter');
  const status = await terminal.shows(/Weekly limit:/);
  expect(status).toMatch(/5h limit:.*58% left/);
  expect(status).toMatch(/Weekly limit:.*83% left/);
  expect(status).toMatch(/Account: +pool@local/);
});
