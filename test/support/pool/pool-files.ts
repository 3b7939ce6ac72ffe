import { rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';
import type { TestPool } from './pool.js';
import { fileOf } from './held-refresh.js';

/** Longer than a half-written file is waited for. */
const LIMIT_MS = 8_000;

/** Waits until what is asked for is as told; the reader has noticed a change in the pool folder by then. */
export const eventually = <T>(read: () => T | Promise<T>) =>
  // oxlint-disable-next-line vitest/require-awaited-expect-poll -- who calls this awaits it
  expect.poll(read, { timeout: LIMIT_MS, interval: 20 });

/** What the admin API says of each file: null where the account can serve. */
export async function stateOf(pool: TestPool): Promise<Record<string, string | null>> {
  const { body } = await pool.client.get('/admin/accounts').expect(200);
  return Object.fromEntries(body.map((it: { name: string; reason: string | null }) => [it.name, it.reason]));
}

/** Lines of the log with this phrase. */
export const said = (of: TestPool, phrase: string): string[] =>
  of.logger.lines.filter((it) => it.includes(`"${phrase}"`));

/** Puts a file in the place of another as Codex and editors may: complete, in one step. */
export async function replace(of: TestPool, name: string, json: AuthJson): Promise<void> {
  const draft = join(of.folder, `${name}.draft`);
  await writeFile(draft, JSON.stringify(json), { mode: 0o600 });
  await rename(draft, fileOf(of, name));
}

/** Puts new content into a file that is there. */
export async function writeInPlace(of: TestPool, name: string, json: AuthJson): Promise<void> {
  await of.writeAuth(name, json);
}

/** Resolves when the watcher has noticed everything so far: a broken file of this new name, put there now, is known. */
export async function caughtUp(of: TestPool, mark: string): Promise<void> {
  await writeFile(fileOf(of, mark), '{}', { mode: 0o600 });
  await utimes(fileOf(of, mark), 0, 0); // nobody can be writing it
  await eventually(async () => (await stateOf(of))[mark]).toMatch(/no tokens/);
}
