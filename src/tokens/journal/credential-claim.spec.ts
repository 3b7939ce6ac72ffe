import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/app.config.js';
import { Secret } from '../../runtime/secret.js';
import { CredentialClaim } from './credential-claim.js';
import { RefreshJournal } from './refresh-journal.js';

const account = { id: 'an-identity', name: 'work' };

let folder = '';
const config = () =>
  loadConfig({
    POOL_DIR: join(folder, 'pool'),
    PROXY_DB_PATH: join(folder, 'data', 'proxy.db'),
    XDG_RUNTIME_DIR: join(folder, 'run'),
  });
const taken = async (patienceMs = 0) => await CredentialClaim.take(config(), account, patienceMs);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-test-'));
  await mkdir(join(folder, 'pool'));
  await writeFile(join(folder, 'pool', 'work.json'), '{}');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the claim of another program on a credential file', () => {
  it('and a refresh exclude each other', async () => {
    const journal = new RefreshJournal(config());
    const refresh = await journal.lock(account.id, 0, account.name);
    expect(await taken()).toBeNull();
    const waiting = taken(5_000);
    await refresh?.[Symbol.asyncDispose]();
    const claim = await waiting;
    expect(claim?.unfinished).toEqual([]);
    expect(await journal.lock(account.id, 0, account.name)).toBeNull();
    await claim?.[Symbol.asyncDispose]();
    await using again = await journal.lock(account.id, 0, account.name);
    expect(again).not.toBeNull();
  });

  it('waits for a refresh also while the file is gone', async () => {
    const journal = new RefreshJournal(config());
    const refresh = await journal.lock(account.id, 0, account.name);
    await rm(join(folder, 'pool', 'work.json'));
    expect(await taken()).toBeNull();
    await refresh?.[Symbol.asyncDispose]();
    await using claim = await taken();
    expect(claim).not.toBeNull();
  });

  it('excludes a refresh of an account that has no journal yet', async () => {
    await using _claim = await taken();
    const journal = new RefreshJournal(config());
    expect(await journal.lock(account.id, 0, account.name)).toBeNull();
  });

  it('shows the journal of a refresh that was cut off', async () => {
    const grant = {
      accessToken: new Secret('new'),
      refreshToken: new Secret('rt_new'),
      idToken: null,
    };
    {
      const journal = new RefreshJournal(config());
      await using locked = await journal.lock(account.id, 0, account.name);
      await locked?.write({ unsaved: null, asking: { refreshToken: 'f', at: 1, isAgain: false } });
    }
    {
      await using claim = await taken();
      expect(claim?.unfinished.map((it) => it.hasTokens)).toEqual([false]);
    }
    {
      const journal = new RefreshJournal(config());
      await using locked = await journal.lock(account.id, 0, account.name);
      await locked?.write({ unsaved: { grant, at: 2, spent: ['f'] }, asking: null });
    }
    await using claim = await taken();
    const [unfinished] = claim?.unfinished ?? [];
    expect(unfinished?.hasTokens).toBe(true);
    expect(unfinished?.path.startsWith(join(folder, 'pool', '.journal'))).toBe(true);
    expect(unfinished?.content.includes('rt_new')).toBe(true);
  });
});
