import { mkdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import type { RawResponse } from '../../support/clients/raw-http.js';
import { TokenWire } from '../../support/network/token-wire.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';

const accounts = ['a', 'b', 'c', 'd'];
const EXPIRIES = 300;
const TURNS_EACH = accounts.length;
const PROMPT_MS = 3_000;
const ENDS_SOON_SECONDS = 55;

const databaseOf = (name: string): string => `export PROXY_DB_PATH=./${name}/proxy.db`;

/** Two programs on one pool folder, each with its own database. */
async function two(folders: Folders): Promise<[RunningProgram, RunningProgram]> {
  return await Promise.all([folders.start(databaseOf('one')), folders.start(databaseOf('two'))]);
}

async function served(response: Promise<RawResponse>): Promise<void> {
  const { status, isBroken, body } = await response;
  const refusal = status === 200 ? null : body.toString();
  expect({ refusal, isBroken }).toEqual({ refusal: null, isBroken: false });
}

/** Two programs with one pool folder each; both folders link the same logins by different paths. */
async function twoPools(folders: Folders): Promise<[RunningProgram, RunningProgram]> {
  const at = (...names: string[]): string => join(folders.path, ...names);
  await rename(at('pool'), at('logins'));
  await symlink('logins', at('same-logins'));
  for (const [pool, logins] of [
    ['pool', 'logins'],
    ['other-pool', 'same-logins'],
  ] as const) {
    await mkdir(at(pool));
    for (const name of accounts) await symlink(`../${logins}/${name}.json`, at(pool, `${name}.json`));
  }
  return await Promise.all([
    folders.start(databaseOf('one')),
    folders.start(`${databaseOf('two')} POOL_DIR=./other-pool`),
  ]);
}

/**
 * Repeatedly expires every account's token while both programs serve turns. Returns how often a used refresh token was
 * sent again.
 */
async function forceExpiries(
  fakeUpstream: FakeUpstream,
  programs: readonly RunningProgram[],
): Promise<number> {
  const refused = new Set<string>();
  while (refused.size < EXPIRIES) {
    for (const account of accounts) {
      refused.add(fakeUpstream.account(account).authJson().tokens.access_token);
      fakeUpstream.account(account).expireAccessToken();
    }
    const turns = programs.flatMap((it) => Array.from({ length: TURNS_EACH }, async () => it.turn()));
    for (const turn of turns) await served(turn);
  }
  const sent = fakeUpstream.tokens.requests.map((it) => it.refreshToken);
  expect(sent).toHaveLength(new Set(sent).size);
  expect(sent.length).toBeLessThanOrEqual(refused.size); // the other program has adopted the new tokens
  for (const program of programs) {
    expect(program.log).toContain('token refreshed');
    expect(program.log).toContain('newer tokens adopted from the file');
  }
  return fakeUpstream.tokens.reuses;
}

describe('two programs on two pool folders that link the same files', { timeout: 180_000 }, () => {
  it(`use no refresh token twice in ${EXPIRIES} forced expiries, and serve every turn`, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts });
    await using folders = await Folders.create(fakeUpstream, accounts, { PROXY_POLICY: 'round-robin' });
    expect(await forceExpiries(fakeUpstream, await twoPools(folders))).toBe(0);
  });

  it('do not send a token that the other has sent without a response, while the access token is good', async () => {
    const soon = accounts.map((name) => ({ name, accessTokenLifetimeSeconds: ENDS_SOON_SECONDS }));
    await using fakeUpstream = await FakeUpstream.start({ accounts: soon });
    await using wire = await TokenWire.start(String(fakeUpstream.env['UPSTREAM_REFRESH_BASE']));
    const env = { PROXY_POLICY: 'round-robin', UPSTREAM_REFRESH_BASE: wire.origin };
    wire.breaksAll('is reset after tokens are issued, before the response');
    await using folders = await Folders.create(fakeUpstream, accounts, env);
    const programs = await twoPools(folders);
    for (let round = 0; round < 3; round += 1) {
      const turns = programs.flatMap((it) => Array.from({ length: TURNS_EACH }, async () => it.turn()));
      for (const turn of turns) await served(turn);
    }
    expect(fakeUpstream.tokens.reuses).toBe(0);
    expect(fakeUpstream.tokens.requests).toHaveLength(accounts.length); // each account once, by one of the two
  });
});

describe('two programs on one pool folder', { timeout: 180_000 }, () => {
  it(`use no refresh token twice in ${EXPIRIES} forced expiries, and serve every turn`, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts });
    await using folders = await Folders.create(fakeUpstream, accounts, { PROXY_POLICY: 'round-robin' });
    expect(await forceExpiries(fakeUpstream, await two(folders))).toBe(0);
  });

  it('continue at once when one is killed before it gets the response, because its lock ends with it', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using folders = await Folders.create(fakeUpstream, ['a']);
    const [one, other] = await two(folders);
    fakeUpstream.account('a').expireAccessToken();
    fakeUpstream.tokens.answers('hangs');
    const lost = one.send();
    await fakeUpstream.until(() => fakeUpstream.tokens.requests.length === 1, 'the refresh of the first');
    const waiting = other.turn();
    await fakeUpstream.until(() => fakeUpstream.turns().length === 2, 'the turn of the other');
    const killedAt = performance.now();
    await one.kill9();
    await served(waiting);
    expect(performance.now() - killedAt).toBeLessThan(PROMPT_MS);
    await expect(lost.whole()).rejects.toThrow(/hang up|ECONNRESET/);
    expect(fakeUpstream.tokens.reuses).toBe(0);
  });

  it('do not send a token that a killed program may have used, while the access token is good', async () => {
    const account = { name: 'a', accessTokenLifetimeSeconds: ENDS_SOON_SECONDS };
    await using fakeUpstream = await FakeUpstream.start({ accounts: [account] });
    await using folders = await Folders.create(fakeUpstream, ['a']);
    const held = fakeUpstream.tokens.hold({ afterRotation: true }); // the first program requests at startup
    const one = await folders.start(databaseOf('one'));
    await held.arrived;
    const other = await folders.start(databaseOf('two'));
    const waiting = other.turn();
    const killedAt = performance.now();
    await one.kill9();
    await served(waiting);
    expect(performance.now() - killedAt).toBeLessThan(PROMPT_MS);
    await served(other.turn());
    expect(fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });
});
