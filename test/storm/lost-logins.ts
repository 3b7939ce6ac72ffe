import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';

/** What the program was told before a kill, or while it starts, is in the file after so long. */
const SAVED_MS = 1_000;
const LOOK_MS = 20;

const file = z.object({ tokens: z.object({ refresh_token: z.string() }) });

/**
 * Accounts whose newest tokens have not come into their file: the process was killed while it waited for them, the old
 * ones are used up, and only a new login helps. To be asked after the start. Rejects when an account has no newest
 * tokens in its file although it has not asked for any since the time given (epoch ms): then they were lost otherwise.
 */
export async function lostLogins(
  fakeUpstream: FakeUpstream,
  accounts: readonly string[],
  poolFolder: string,
  since: number,
): Promise<readonly string[]> {
  const saved = await Promise.all(
    accounts.map(async (name) => await hasNewest(fakeUpstream, name, poolFolder)),
  );
  const lost = accounts.filter((_, index) => saved[index] === false);
  for (const name of lost) {
    const askedAt = fakeUpstream.tokens.requestsFor(name).at(-1)?.at ?? 0;
    if (askedAt < since)
      throw new Error(`${name} has lost tokens that it was given ${since - askedAt} ms too early for a kill`);
  }
  return lost;
}

async function hasNewest(fakeUpstream: FakeUpstream, name: string, poolFolder: string): Promise<boolean> {
  const until = Date.now() + SAVED_MS;
  for (;;) {
    const { tokens } = file.parse(JSON.parse(await readFile(join(poolFolder, `${name}.json`), 'utf8')));
    if (tokens.refresh_token === fakeUpstream.account(name).refreshTokens().at(-1)) return true;
    if (Date.now() > until) return false;
    await pause(LOOK_MS);
  }
}
