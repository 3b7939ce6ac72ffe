import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { byModel, failedFirst, streams } from '../../src/fake-upstream/script/responses.js';
import { overloaded, rateLimit, unauthorized, usageLimit } from '../../src/fake-upstream/script/refusals.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Setting } from './support/setting.js';

const names = ['a', 'b'];
/** Codex alone takes one or two seconds; what it waits for in vain, it waits for longer than this. */
const AT_ONCE_MS = 6_000;

/** Whoever is asked first refuses, every time; the other one serves. */
function refuseAtFirst(fakeUpstream: FakeUpstream, refusal: ScriptedResponse): void {
  let refusing: string | null = null;
  for (const name of names) {
    const answer = byModel(() => {
      refusing ??= name;
      return refusing === name ? refusal : streams();
    });
    fakeUpstream.account(name).always(answer);
  }
}

describe('with an account that refuses, Codex sees nothing of it', () => {
  it.each<[string, ScriptedResponse]>([
    ['its limit is reached', usageLimit()],
    ['its limit is told as the first event of a stream', failedFirst('usage_limit_reached')],
    ['it is asked too often', rateLimit(undefined, 'Too many requests')],
    ['its token is refused for good', unauthorized()],
    ['it is overloaded', overloaded()],
  ])('when %s', async (_when, refusal) => {
    await using setting = await Setting.start({
      prepare: (fakeUpstream) => refuseAtFirst(fakeUpstream, refusal),
    });
    const run = await setting.exec('--skip-git-repo-check', 'say hello');
    const served = setting.fakeUpstream.attempts().at(-1);
    expect(run).toMatchObject({ code: 0, stdout: `served by ${served}\n` });
    expect(run.stderr).not.toMatch(/reconnecting|usage limit|unexpected status|retry limit/i);
    expect(new Set(setting.fakeUpstream.attempts())).toEqual(new Set(names));
  });
});

it('asks an account once whose limit is told in a stream without a content type, and serves the turn with another', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) => refuseAtFirst(fakeUpstream, failedFirst('usage_limit_reached')),
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  const [exhausted, serving] = setting.fakeUpstream.attempts();
  expect(setting.fakeUpstream.attempts()).toHaveLength(2);
  expect(exhausted).not.toBe(serving);
  expect(run).toMatchObject({ code: 0, stdout: `served by ${serving}\n` });
  expect(run.stderr).not.toMatch(/reconnecting|usage limit/i);
});

it('with all accounts at their limit, Codex says so in its own words, and when it ends', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) => {
      for (const name of names) fakeUpstream.account(name).always(usageLimit());
    },
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.stderr).toMatch(/You.ve hit your usage limit\..*try again at/);
  expect(run.stderr).not.toContain('Reconnecting');
  expect(setting.fakeUpstream.attempts().toSorted()).toEqual(names);
});

it('with all accounts in need of a login, Codex prints what to do, at once', async () => {
  await using setting = await Setting.start({
    accounts: names.map((name) => ({ name, accessTokenLifetimeSeconds: -60 })),
    prepare: (fakeUpstream) => {
      for (const name of names) fakeUpstream.account(name).revokeRefreshToken();
    },
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.tookMs).toBeLessThan(AT_ONCE_MS);
  expect(run.stderr).toContain('no_account_available');
  expect(run.stderr).toMatch(/log ?in/i);
  expect(run.stderr).not.toContain('Reconnecting');
  expect(setting.fakeUpstream.attempts()).toEqual([]);
});

it('with an empty pool, Codex prints what to do, at once', async () => {
  await using setting = await Setting.start({ accounts: [] });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.tookMs).toBeLessThan(AT_ONCE_MS);
  expect(run.stderr).toContain('no_account_available');
  expect(run.stderr).not.toContain('Reconnecting');
});
