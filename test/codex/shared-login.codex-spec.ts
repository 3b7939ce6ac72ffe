import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { AuthJson } from '../../src/fake-upstream/script/made-up-credentials.js';
import { Setting } from './support/setting.js';

const ROUNDS = 6;
const MINUTE_SECONDS = 60;

/** Writes a new login into the file that Codex and the pool share, as Codex does. */
function logInAgain({ home, fakeUpstream }: Setting, lifetimeSeconds: number): void {
  const login = fakeUpstream.account('a').loginAgain(lifetimeSeconds);
  writeFileSync(`${home.authFile}.new`, JSON.stringify(login), { mode: 0o600 });
  renameSync(`${home.authFile}.new`, home.authFile);
}

const tokensIn = ({ home }: Setting): AuthJson['tokens'] => {
  const json: AuthJson = JSON.parse(readFileSync(home.authFile, 'utf8'));
  return json.tokens;
};
const newest = ({ fakeUpstream }: Setting) => fakeUpstream.account('a').authJson().tokens;

/** The programs that have requested new tokens, in order. */
const refreshers = ({ fakeUpstream }: Setting): string[] =>
  fakeUpstream.log
    .filter((it) => it.path === '/oauth/token')
    .map((it) => (it.headers['user-agent']?.startsWith('codex-pool/') === true ? 'pool' : 'codex'));

async function accountA({ proxy }: Setting): Promise<unknown> {
  return await (await fetch(`${proxy.origin}/admin/accounts/a`)).json();
}

/** Runs one Codex turn through the proxy. */
const exec = async (setting: Setting) => await setting.exec('--skip-git-repo-check', 'say hello');

it('refreshes a login shared with Codex a quarter of an hour before its expiry, and Codex uses the new tokens', async () => {
  await using setting = await Setting.start({ accounts: ['a'], sharesLoginOf: 'a' });
  setting.fakeUpstream.tokens.revokesFamilies = true;
  setting.fakeUpstream.tokens.strict = true;
  for (let round = 1; round <= ROUNDS; round += 1) {
    logInAgain(setting, 14 * MINUTE_SECONDS);
    // A second proxy on the same folder, which checks for due refreshes at startup; Codex runs meanwhile.
    const [second, run] = await Promise.all([setting.secondProxy(), exec(setting)]);
    expect(run).toMatchObject({ code: 0, stdout: 'served by a\n' });
    // The first round of refreshes begins within a second of startup.
    await expect.poll(() => refreshers(setting).length, { timeout: 10_000 }).toBe(round);
    await expect.poll(() => tokensIn(setting).refresh_token).toBe(newest(setting).refresh_token);
    await second.child.stop();
  }
  expect(new Set(refreshers(setting))).toEqual(new Set(['pool']));
  expect(setting.fakeUpstream.tokens.reuses).toBe(0);
});

it('adopts the tokens that Codex has renewed five minutes before the expiry, when refresh is off', async () => {
  const off = { PROXY_DISABLE_REFRESH: '1' };
  await using setting = await Setting.start({ accounts: ['a'], sharesLoginOf: 'a', proxyEnv: off });
  setting.fakeUpstream.tokens.revokesFamilies = true;
  setting.fakeUpstream.tokens.strict = true;
  for (let round = 1; round <= ROUNDS; round += 1) {
    logInAgain(setting, 4 * MINUTE_SECONDS);
    expect(await exec(setting)).toMatchObject({ code: 0, stdout: 'served by a\n' });
    expect(refreshers(setting)).toHaveLength(round);
    expect(tokensIn(setting).refresh_token).toBe(newest(setting).refresh_token);
  }
  expect(new Set(refreshers(setting))).toEqual(new Set(['codex']));
  expect(setting.fakeUpstream.tokens.reuses).toBe(0);
  expect(await accountA(setting)).toMatchObject({ available: true });
});

it('also serves when both refresh at the same moment, which cannot be ruled out', async () => {
  await using setting = await Setting.start({ accounts: ['a'], sharesLoginOf: 'a' });
  const { tokens } = setting.fakeUpstream;
  // With family revocation this would end the login: Codex takes no lock, so it cannot be prevented.
  tokens.revokesFamilies = false;
  for (let round = 1; round <= ROUNDS; round += 1) {
    logInAgain(setting, 4 * MINUTE_SECONDS);
    const { refresh_token: before } = tokensIn(setting);
    await fetch(`${setting.proxy.origin}/admin/reload`, { method: 'POST' }); // otherwise there would be tokens to adopt
    // Codex has sent its request and has no response yet. The file does not show that.
    const held = tokens.hold({ from: /^codex_/ });
    const running = exec(setting);
    await held.arrived;
    const forced = await fetch(`${setting.proxy.origin}/admin/accounts/a/refresh`, { method: 'POST' });
    expect(forced.status).toBe(200);
    held.release();
    expect(await running).toMatchObject({ code: 0, stdout: 'served by a\n' });
    expect(tokensIn(setting).refresh_token).toBe(newest(setting).refresh_token);
    expect(tokensIn(setting).refresh_token).not.toBe(before);
  }
  process.stderr.write(
    `both at the same moment, ${ROUNDS} times: ${tokens.reuses} tokens were sent twice; every turn was served, and the file has the newest\n`,
  );
  expect(await accountA(setting)).toMatchObject({ available: true, refresh: 'idle' });
});
