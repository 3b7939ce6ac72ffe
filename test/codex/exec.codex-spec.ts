import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { byModel, streams, toolCall } from '../../src/fake-upstream/script/responses.js';
import { quotaHeaders } from '../../src/fake-upstream/script/quota.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Setting, type CodexRun } from './support/setting.js';

const sessionIn = (run: CodexRun): string => /session id: ([0-9a-f-]{36})/.exec(run.stderr)?.[1] ?? 'none';

/** The account that serves has little quota left afterwards, so a new session would go to the other. */
function serveAlmostAllQuota(fakeUpstream: FakeUpstream): void {
  const windows = [{ usedPercent: 95, windowSeconds: 18_000 }];
  for (const name of ['a', 'b'])
    fakeUpstream.account(name).always(streams({ headers: quotaHeaders(windows, 'plus') }));
}

/** The first turn gets `first`, on either account; all others get the result of `later`. */
function respondFirst(
  fakeUpstream: FakeUpstream,
  first: ScriptedResponse,
  later: () => ScriptedResponse = streams,
): void {
  let isFirst = true;
  const response = byModel(() => {
    const chosen = isFirst ? first : later();
    isFirst = false;
    return chosen;
  });
  for (const name of ['a', 'b']) fakeUpstream.account(name).always(response);
}

it('prints the response', async () => {
  await using setting = await Setting.start();
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(setting.fakeUpstream.attempts()).toHaveLength(1);
});

it('runs a tool in between, and sends its output to the same account, with that account’s turn state', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) => {
      respondFirst(fakeUpstream, toolCall('exec_command', { cmd: 'echo made-$((40 + 2))' }));
      for (const name of ['a', 'b']) fakeUpstream.account(name).turnState(`state-of-${name}`);
    },
  });
  // Without Codex's sandbox, which needs privileges that a container may lack.
  const run = await setting.exec('--skip-git-repo-check', '--sandbox', 'danger-full-access', 'count');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by/) });
  const [first, second, ...rest] = setting.fakeUpstream.turns();
  expect(rest).toEqual([]);
  expect(second?.account).toBe(first?.account);
  expect(first?.headers['x-codex-turn-state']).toBeUndefined();
  expect(second?.headers['x-codex-turn-state']).toBe(`state-of-${first?.account}`);
  expect(JSON.parse(String(second?.body))).toMatchObject({
    input: expect.arrayContaining([
      expect.objectContaining({ type: 'function_call_output', output: expect.stringContaining('made-42') }),
    ]),
  });
});

/** Codex closes its connection at the final event, before the backend has ended its body. */
it('is recorded as served, and the connection to upstream is used again, although Codex hangs up first', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) =>
      respondFirst(fakeUpstream, toolCall('exec_command', { cmd: 'echo made-$((40 + 2))' })),
  });
  await setting.exec('--skip-git-repo-check', '--sandbox', 'danger-full-access', 'count');
  await setting.exec('--skip-git-repo-check', 'say hello');
  const response = await fetch(`${setting.proxy.origin}/admin/requests`);
  const requests = z.array(z.object({ route: z.string(), result: z.string() })).parse(await response.json());
  const turns = requests.filter((it) => it.route === 'turn');
  expect(turns.map((it) => it.result)).toEqual(['complete', 'complete', 'complete']);
  expect(new Set(setting.fakeUpstream.turns().map((it) => it.connection)).size).toBe(1);
});

it('resumes a session on the account that served it', async () => {
  await using setting = await Setting.start({ prepare: serveAlmostAllQuota });
  const first = await setting.exec('--skip-git-repo-check', 'remember this');
  const again = await setting.exec('resume', sessionIn(first), '--skip-git-repo-check', 'go on');
  expect(again.code).toBe(0);
  expect(sessionIn(again)).toBe(sessionIn(first));
  const [served, resumed, ...rest] = setting.fakeUpstream.attempts();
  expect(rest).toEqual([]);
  expect(resumed).toBe(served);
});

it('heals a stream that is cut in the middle: Codex retries, and shows nothing of the first response', async () => {
  await using setting = await Setting.start({
    prepare: (fakeUpstream) =>
      respondFirst(fakeUpstream, streams({ deltas: ['only half of '], thenCut: true })),
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(setting.fakeUpstream.attempts()).toHaveLength(2);
});

it('forwards the zstd bodies that Codex sends to a provider named OpenAI', async () => {
  await using setting = await Setting.start({ provider: { name: 'OpenAI' } });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  const [turn] = setting.fakeUpstream.turns();
  expect(turn?.headers['content-encoding']).toBe('zstd');
  expect(turn?.body.subarray(0, 4).toString('hex')).toBe('28b52ffd');
});

it('starts with a business-plan login, without a workspace’s rules', async () => {
  await using setting = await Setting.start({ login: { plan: 'business' } });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(setting.fakeUpstream.log.filter((entry) => entry.path.includes('/config/bundle'))).toEqual([]);
});

it('starts with one of the pool’s business accounts as its login, with that account’s own rules', async () => {
  await using setting = await Setting.start({
    accounts: ['a', { name: 'b', plan: 'business' }],
    login: { plan: 'business', accountId: 'acct-b' },
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  const asked = setting.fakeUpstream.log.filter((entry) => entry.path.includes('/config/bundle'));
  expect(new Set(asked.map((entry) => entry.account))).toEqual(new Set(['b']));
});

it('renews a placeholder login with a weeks-old opaque token at the proxy, and nowhere else', async () => {
  const lastRefreshAt = Date.now() - 21 * 24 * 3_600_000;
  await using setting = await Setting.start({ login: { accessToken: 'any-text', lastRefreshAt } });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(run.stderr).not.toMatch(/refresh|log out|sign in/i);
  const login: unknown = JSON.parse(readFileSync(setting.home.authFile, 'utf8'));
  expect(login).toMatchObject({ tokens: { access_token: 'any-text', account_id: 'pool' } });
  expect(login).not.toMatchObject({ last_refresh: new Date(lastRefreshAt).toISOString() });
  expect(setting.fakeUpstream.tokens.requests).toEqual([]);
});

it('is a reachable provider for `codex doctor`', async () => {
  await using setting = await Setting.start();
  const doctor = setting.codex(['doctor']);
  expect((await doctor.ended).code).toBe(0);
  expect(doctor.stdout).toMatch(/✓ reachability/);
  expect(setting.fakeUpstream.turns()).toEqual([]);
});
