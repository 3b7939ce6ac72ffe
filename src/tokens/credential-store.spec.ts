import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/app.config.js';
import { CredentialStore } from './credential-store.js';
import { credentialOf } from './credential-file/credential.js';
import { fingerprintOf } from './stored-credential.js';

let folder: string;
let store: CredentialStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-store-'));
  store = new CredentialStore(loadConfig({ POOL_DIR: folder }));
});
afterEach(async () => rm(folder, { recursive: true }));

const tokens = (generation: string) =>
  credentialOf({
    accessToken: `at-${generation}`,
    refreshToken: `rt-${generation}`,
    idToken: null,
    accountId: 'acct',
    lastRefreshAt: null,
  });

async function put(generation: string): Promise<void> {
  const file = { tokens: { access_token: `at-${generation}`, refresh_token: `rt-${generation}` } };
  await writeFile(join(folder, 'a.json'), JSON.stringify(file));
}

const refreshTokenInFile = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, 'a.json'), 'utf8')).tokens.refresh_token;

describe('a credential file', () => {
  it.each(['older', 'spent'])('with a replaceable token (%s) gets the new tokens', async (generation) => {
    await put(generation);
    await store.write(
      'a',
      tokens('new'),
      ['older', 'spent'].map((it) => fingerprintOf(tokens(it))),
    );
    expect(await refreshTokenInFile()).toBe('rt-new');
  });

  it('with any other token stays unchanged', async () => {
    await put('other');
    const replaceable = [fingerprintOf(tokens('spent')), null];
    await expect(store.write('a', tokens('new'), replaceable)).rejects.toThrow('it now holds other tokens');
    expect(await refreshTokenInFile()).toBe('rt-other');
  });
});
