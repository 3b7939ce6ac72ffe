import { rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';
import type { TestPool } from './pool.js';
import { fileOf } from './held-refresh.js';

/** Longer than the proxy waits for a partial write. */
const LIMIT_MS = 8_000;

/** Waits until the value is as expected, long enough for the watcher to notice a change in the pool folder. */
export const eventually = <T>(read: () => T | Promise<T>) =>
  // oxlint-disable-next-line vitest/require-awaited-expect-poll -- the caller awaits it
  expect.poll(read, { timeout: LIMIT_MS, interval: 20 });

/** The admin API's reason for each file; null if the account can serve. */
export async function stateOf(pool: TestPool): Promise<Record<string, string | null>> {
  const { body } = await pool.client.get('/admin/accounts').expect(200);
  return Object.fromEntries(body.map((it: { name: string; reason: string | null }) => [it.name, it.reason]));
}

/** The log lines that contain this phrase. */
export const said = (of: TestPool, phrase: string): string[] =>
  of.logger.lines.filter((it) => it.includes(`"${phrase}"`));

/** Replaces a file atomically, as Codex and editors may. */
export async function replace(of: TestPool, name: string, json: AuthJson): Promise<void> {
  const draft = join(of.folder, `${name}.draft`);
  await writeFile(draft, JSON.stringify(json), { mode: 0o600 });
  await rename(draft, fileOf(of, name));
}

/** Writes new content into an existing file. */
export async function writeInPlace(of: TestPool, name: string, json: AuthJson): Promise<void> {
  await of.writeAuth(name, json);
}

/** Resolves when the watcher has noticed all changes so far: it then knows a broken file with this new name. */
export async function caughtUp(of: TestPool, mark: string): Promise<void> {
  await writeFile(fileOf(of, mark), '{}', { mode: 0o600 });
  await utimes(fileOf(of, mark), 0, 0); // no longer a possible partial write
  await eventually(async () => (await stateOf(of))[mark]).toMatch(/no tokens/);
}
