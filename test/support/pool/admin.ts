import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type AuthJson,
  madeUpAuthJson,
  madeUpTokens,
} from '../../../src/fake-upstream/script/made-up-credentials.js';
import { HOUR } from '../fake-clock.js';
import type { TestPool } from './pool.js';

/** The content type of an error from an admin route. */
export const PROBLEM = /^application\/problem\+json/;

/** A login that the fake upstream knows and the pool does not. */
export function newLogin(pool: TestPool, name: string): AuthJson {
  return pool.fakeUpstream.addAccount({ name }).authJson();
}

/** Another generation of tokens of an account, issued at a given time. The fake upstream does not know it. */
export function loginOf(pool: TestPool, name: string, issuedAt: number): AuthJson {
  const { accountId, userId, email, plan } = pool.fakeUpstream.account(name);
  const identity = { accountId, userId, email, plan, fedramp: false };
  return madeUpAuthJson(identity, madeUpTokens(identity, issuedAt, issuedAt + 240 * HOUR), issuedAt);
}

/** All files of the pool folder, with their text. */
export async function poolFiles({ folder }: TestPool): Promise<Record<string, string>> {
  const path = join(folder, 'pool');
  const names = (await readdir(path)).filter((it) => it.endsWith('.json') || it.endsWith('.tmp'));
  const texts = await Promise.all(
    names.toSorted().map(async (it) => [it, await readFile(join(path, it), 'utf8')] as const),
  );
  return Object.fromEntries(texts);
}

/** Checks that no token or part of one is in a response or in the log. */
export function expectNoSecrets(pool: TestPool, logins: readonly AuthJson[], ...responses: object[]): void {
  const seen = JSON.stringify(responses) + pool.logger.lines.join('\n');
  for (const { tokens } of logins) {
    for (const token of [tokens.access_token, tokens.refresh_token, tokens.id_token]) {
      expect(seen).not.toContain(token.split('.')[1] ?? token);
    }
  }
}

/** Returns the account that a turn goes to now. */
export async function servedBy(pool: TestPool): Promise<string | undefined> {
  return (await pool.turn().expect(200)).headers['x-codex-pool-account'];
}
