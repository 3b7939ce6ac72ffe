import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../config/app.config.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialStore } from './credential-store.js';
import { CredentialVault } from './credential-vault.js';
import { credentialOf, identityOf } from './credential-file/credential.js';
import { RefreshJournal } from './journal/refresh-journal.js';
import { afterReading, fingerprintOf } from './stored-credential.js';

const tokens = (generation: number) =>
  credentialOf({
    accessToken: `at-${generation}`,
    refreshToken: `rt-${generation}`,
    idToken: null,
    accountId: 'acct',
    lastRefreshAt: Date.UTC(2026, 10, 26) + generation,
  });

it('a reload that read the file just before a refresh replaced it does not keep the next refresh out of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codex-pool-persistence-'));
  try {
    const config = loadConfig({ POOL_DIR: folder, XDG_RUNTIME_DIR: join(folder, 'run') });
    const store = new CredentialStore(config);
    const vault = new CredentialVault(store);
    const journal = new RefreshJournal(config);
    const persistence = new CredentialPersistence(vault, store, journal, () => undefined);
    const first = { account_id: 'acct', access_token: 'at-1', refresh_token: 'rt-1' };
    const path = join(folder, 'a.json');
    await writeFile(
      path,
      JSON.stringify({ tokens: first, last_refresh: new Date(Date.UTC(2026, 10, 26) + 1) }),
    );
    await persistence.load();
    const id = identityOf('a', tokens(1));

    const stale = await store.read('a');
    const refresh = async (generation: number) => {
      const locked = await journal.lock(id, 0, 'a');
      if (locked === null) throw new Error('the journal is locked');
      await using _locked = locked;
      const spent = [fingerprintOf(tokens(generation - 1)) ?? ''];
      return await persistence.save(vault.get(id), tokens(generation), spent, locked);
    };
    await refresh(2);
    if (stale.kind !== 'ok') throw new Error(stale.reason);
    expect(vault.put(afterReading(vault.get(id), stale)).unsaved).not.toBeNull(); // the file seems older
    expect((await refresh(3)).unsaved).toBeNull();
    expect(JSON.parse(await readFile(path, 'utf8')).tokens.refresh_token).toBe('rt-3');
  } finally {
    await rm(folder, { recursive: true });
  }
});
