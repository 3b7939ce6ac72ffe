import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { byModel, failedFirst, streams } from '../../src/fake-upstream/script/responses.js';
import { overloaded, rateLimit, unauthorized, usageLimit } from '../../src/fake-upstream/script/refusals.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Setting } from './support/setting.js';

const names = ['a', 'b'];
/** Codex alone takes one or two seconds. Its retries and timeouts take longer than this. */
const AT_ONCE_MS = 6_000;

/** The account that is tried first always refuses; the other one serves. */
function refuseAtFirst(fakeUpstream: FakeUpstream, refusal: ScriptedResponse): void {
  let refusing: string | null = null;
  for (const name of names) {
    const response = byModel(() => {
      refusing ??= name;
      return refusing === name ? refusal : streams();
    });
    fakeUpstream.account(name).always(response);
  }
}

describe('an account that refuses', () => {
  it.each<[string, ScriptedResponse]>([
    ['its limit is reached', usageLimit()],
    ['its limit is reported in the first event of a stream', failedFirst('usage_limit_reached')],
    ['it is asked too often', rateLimit(undefined, 'Too many requests')],
    ['its token is refused for good', unauthorized()],
    ['it is overloaded', overloaded()],
  ])('goes unnoticed by Codex when %s', async (_when, refusal) => {
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

it('tries an account once that reports its limit in a stream without a content type, and another account serves', async () => {
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

it('with all accounts at their limit, Codex reports it in its own words, with the time of the reset', async () => {
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

it('with all accounts in need of a login, Codex prints the remedy at once', async () => {
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

it('with an empty pool, Codex prints the remedy at once', async () => {
  await using setting = await Setting.start({ accounts: [] });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.tookMs).toBeLessThan(AT_ONCE_MS);
  expect(run.stderr).toContain('no_account_available');
  expect(run.stderr).not.toContain('Reconnecting');
});
