import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';

/** Tokens that the program received before a kill, or while it starts, are in the file after this time. */
const SAVED_MS = 1_000;
const POLL_MS = 20;

const file = z.object({ tokens: z.object({ refresh_token: z.string() }) });

/**
 * Accounts whose newest tokens are not in their file. The process was killed while it waited for them, the old ones are
 * spent, and only a new login helps. Call it after the restart. Rejects if such an account has sent no token request
 * since `since` (epoch ms), because then the kill cannot have cost the tokens.
 */
export async function findLostLogins(
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
    const requestedAt = fakeUpstream.tokens.requestsFor(name).at(-1)?.at ?? 0;
    if (requestedAt < since)
      throw new Error(`${name} lost tokens issued ${since - requestedAt} ms too early to blame the kill`);
  }
  return lost;
}

async function hasNewest(fakeUpstream: FakeUpstream, name: string, poolFolder: string): Promise<boolean> {
  const until = Date.now() + SAVED_MS;
  for (;;) {
    const { tokens } = file.parse(JSON.parse(await readFile(join(poolFolder, `${name}.json`), 'utf8')));
    if (tokens.refresh_token === fakeUpstream.account(name).refreshTokens().at(-1)) return true;
    if (Date.now() > until) return false;
    await pause(POLL_MS);
  }
}
