import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { madeUpAuthJson, madeUpTokens } from '../../dist/fake-upstream/script/made-up-credentials.js';
import { certificate } from '../upstream/certificate.mjs';

const TEN_DAYS_MS = 864_000_000;
const names = ['one', 'two', 'three'];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const identityOf = (name) => ({
  accountId: `acct-${name}`,
  userId: `user-${name}`,
  email: `${name}@example.invalid`,
  plan: 'pro',
  fedramp: false,
});

/** The ids under which the program stores its accounts. */
export const accountIds = names.map((it) => `acct-${it}:user-${it}`);
export const databaseIn = (folder) => join(folder, 'data', 'proxy.db');

/** Empties V8's compile cache of the program (`src/main.ts`), so that its next start is a cold one. */
export function emptyCompileCache() {
  rmSync(here('../../dist/.compile-cache'), { recursive: true, force: true });
}

/** The proxy as deployed, with three made-up accounts in a folder that is removed afterwards. */
export function codexPool(folder, { origin, isTls }) {
  const pool = join(folder, 'pool');
  mkdirSync(pool, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const now = Date.now();
    const identity = identityOf(name);
    const auth = madeUpAuthJson(identity, madeUpTokens(identity, now, now + TEN_DAYS_MS), now);
    writeFileSync(join(pool, `${name}.json`), JSON.stringify(auth), { mode: 0o600 });
  }
  return (port) => ({
    command: process.execPath,
    args: [here('../../dist/main.js')],
    cwd: folder, // without a `.env`
    env: {
      PATH: process.env.PATH,
      PROXY_LISTEN_ADDR: `127.0.0.1:${port}`,
      POOL_DIR: pool,
      PROXY_DB_PATH: databaseIn(folder),
      PROXY_DISABLE_REFRESH: '1',
      UPSTREAM_RESPONSES_BASE: `${origin}/backend-api/codex`,
      UPSTREAM_WHAM_BASE: `${origin}/backend-api`,
      UPSTREAM_REFRESH_BASE: origin,
      ...(isTls ? { NODE_EXTRA_CA_CERTS: certificate.authorityFile } : {}),
    },
  });
}
