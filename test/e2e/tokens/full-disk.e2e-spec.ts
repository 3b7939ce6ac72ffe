import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import {
  type DiskTrouble,
  fileSizeLimit,
  fullDisk,
  limitFiles,
  readOnlyFolder,
} from '../../support/disk/disk-trouble.js';
import { call } from '../../support/clients/raw-http.js';
import { canMount } from '../../support/disk/small-disk.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';

const accounts = ['a', 'b'];
const isAbleToMount = canMount();

/** An upstream that accepts only the newest access tokens, and a token endpoint that punishes reuse. */
async function strictFakeUpstream(): Promise<FakeUpstream> {
  const fakeUpstream = await FakeUpstream.start({ accounts });
  fakeUpstream.tokens.strict = true;
  return fakeUpstream;
}

const foldersFor = async (fakeUpstream: FakeUpstream): Promise<Folders> =>
  await Folders.create(fakeUpstream, accounts, { PROXY_POLICY: 'round-robin' });

/** One turn per account. */
async function servedByAll(program: RunningProgram): Promise<void> {
  const servers = new Set<unknown>();
  for (const _account of accounts) {
    const { status, headers, body } = await program.turn();
    expect(status === 200 ? null : body.toString()).toBeNull();
    servers.add(headers['x-codex-pool-account']);
  }
  expect(servers).toEqual(new Set(accounts));
}

/** Makes upstream refuse all current access tokens, so that turns need a refresh of each account. */
async function servedWithNewTokens(fakeUpstream: FakeUpstream, program: RunningProgram): Promise<void> {
  const before = fakeUpstream.tokens.requests.length;
  for (const account of accounts) fakeUpstream.account(account).expireAccessToken();
  await servedByAll(program);
  expect(fakeUpstream.tokens.requests.length - before).toBe(accounts.length);
}

async function reload(program: RunningProgram): Promise<void> {
  expect((await call(program.origin, { method: 'POST', path: '/admin/reload' })).status).toBe(200);
}

/** Returns whether the file of each account holds its newest tokens. */
async function filesAreNewest(fakeUpstream: FakeUpstream, folders: Folders): Promise<boolean[]> {
  return await Promise.all(
    accounts.map(async (account) => {
      const text = await readFile(join(folders.path, 'pool', `${account}.json`), 'utf8');
      return text.includes(fakeUpstream.account(account).authJson().tokens.refresh_token);
    }),
  );
}

const complaints = (program: RunningProgram): number =>
  program.log.split('refreshed tokens could not be written').length - 1;

const troubles: [string, boolean, (folders: Folders) => Promise<DiskTrouble>][] = [
  ['is full', isAbleToMount, fullDisk],
  ['accepts no file of that size', true, fileSizeLimit],
  ['is read-only', isAbleToMount, readOnlyFolder],
];

for (const [how, isPossible, prepare] of troubles) {
  describe.skipIf(!isPossible)(`a disk that ${how} while tokens are refreshed`, { timeout: 60_000 }, () => {
    it('costs no turn and no token, even across a kill, and the files get the newest tokens afterwards', async () => {
      await using fakeUpstream = await strictFakeUpstream();
      await using folders = await foldersFor(fakeUpstream);
      await using trouble = await prepare(folders);
      const first = await folders.start();
      await servedByAll(first);
      await trouble.begin(first);
      await servedWithNewTokens(fakeUpstream, first);
      const reason = expect.stringMatching(/file cannot be written: (ENOSPC|EFBIG|EROFS)/);
      expect(await first.health()).toMatchObject({
        status: 'degraded',
        details: { pool: { out: { a: reason, b: reason } } },
      });
      await reload(first);
      await reload(first);
      expect(complaints(first)).toBe(accounts.length);
      await servedWithNewTokens(fakeUpstream, first);
      await first.kill9();
      expect(await filesAreNewest(fakeUpstream, folders)).toEqual([false, false]);
      const asked = fakeUpstream.tokens.requests.length;
      const second = await folders.start(trouble.atStart);
      await servedByAll(second);
      expect(fakeUpstream.tokens.requests).toHaveLength(asked);
      await servedWithNewTokens(fakeUpstream, second);
      await trouble.end(second);
      await reload(second);
      expect(await filesAreNewest(fakeUpstream, folders)).toEqual([true, true]);
      await second.untilHealth((it) => it.status === 'up', 'health');
      expect(fakeUpstream.tokens.reuses).toBe(0);
    });

    it('is repaired on the next start when it ends while no program is running', async () => {
      await using fakeUpstream = await strictFakeUpstream();
      await using folders = await foldersFor(fakeUpstream);
      await using trouble = await prepare(folders);
      const first = await folders.start();
      await servedByAll(first);
      await trouble.begin(first);
      await servedWithNewTokens(fakeUpstream, first);
      await first.kill9();
      await trouble.end();
      const second = await folders.start();
      expect(await filesAreNewest(fakeUpstream, folders)).toEqual([true, true]);
      await servedByAll(second);
      await servedWithNewTokens(fakeUpstream, second);
      expect(fakeUpstream.tokens.reuses).toBe(0);
    });
  });
}

describe('a disk that does not even accept a journal', { timeout: 60_000 }, () => {
  it('costs no turn, and the files get the newest tokens once space is free', async () => {
    await using fakeUpstream = await strictFakeUpstream();
    await using folders = await foldersFor(fakeUpstream);
    const program = await folders.start(`trap '' XFSZ; ulimit -S -f 1`);
    await servedWithNewTokens(fakeUpstream, program);
    expect((await program.health()).status).toBe('degraded');
    await servedWithNewTokens(fakeUpstream, program);
    await limitFiles(program, 'unlimited');
    await reload(program);
    expect(await filesAreNewest(fakeUpstream, folders)).toEqual([true, true]);
    await program.untilHealth((it) => it.status === 'up', 'health');
    expect(fakeUpstream.tokens.reuses).toBe(0);
  });
});

describe('a pool folder that is deleted during a refresh', { timeout: 60_000 }, () => {
  it('costs no turn, and gets the newest tokens when it is restored from a copy', async () => {
    await using fakeUpstream = await strictFakeUpstream();
    await using folders = await foldersFor(fakeUpstream);
    const pool = join(folders.path, 'pool');
    await cp(pool, join(folders.path, 'copy'), { recursive: true });
    const program = await folders.start();
    await servedByAll(program);
    for (const account of accounts) fakeUpstream.account(account).expireAccessToken();
    const held = fakeUpstream.tokens.hold({ afterRotation: true });
    const turn = program.turn();
    await held.arrived;
    await rm(pool, { recursive: true });
    held.release();
    expect((await turn).status).toBe(200);
    expect((await program.health()).status).toBe('degraded');
    await cp(join(folders.path, 'copy'), pool, { recursive: true });
    await reload(program);
    await servedByAll(program);
    expect(await filesAreNewest(fakeUpstream, folders)).toEqual([true, true]);
    await program.untilHealth((it) => it.status === 'up', 'health');
    expect(fakeUpstream.tokens.reuses).toBe(0);
  });
});
