import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call } from '../../support/clients/raw-http.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';

/** Accounts that come and go. The same few return, as in real life. */
export const guests = ['guest-1', 'guest-2', 'guest-3'];

/** Changes of the pool folder, one after the other: after the last one it holds the same accounts as before the first. */
export async function changePool(
  origin: string,
  poolFolder: string,
  fakeUpstream: FakeUpstream,
  residents: readonly string[],
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const fileOf = (name: string): string => join(poolFolder, `${name}.json`);
  const resident = (): string => residents[Math.floor(random.next() * residents.length)] ?? '';
  const logInAgain = async (name: string): Promise<void> => {
    const draft = join(poolFolder, `.${name}.new-login`);
    await writeFile(draft, JSON.stringify(fakeUpstream.account(name).loginAgain()), { mode: 0o600 });
    await rename(draft, fileOf(name));
  };
  const reload = async (): Promise<void> => {
    const { status, body } = await call(origin, { method: 'POST', path: '/admin/reload' });
    if (status !== 200) tally.fail(`a reload returned ${status}: ${body.toString()}`);
  };
  let round = 0;
  const guest = (): string => guests[round % guests.length] ?? '';
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['guest added', async () => await logInAgain(guest())],
    ['file touched', async () => await utimes(fileOf(resident()), new Date(), new Date())],
    ['file replaced', async () => await logInAgain(resident())],
    ['guest replaced', async () => await logInAgain(guest())],
    ['broken file added', async () => await writeFile(fileOf('broken'), '{"tokens":', { mode: 0o600 })],
    ['reload', reload],
    ['guest removed', async () => await rm(fileOf(guest()))],
    ['broken file removed', async () => await rm(fileOf('broken'))],
    ['reload', reload],
  ];
  await repeatedly(isOver, random, [100, 300], async () => {
    // A round is never left half done.
    for (const [name, change] of steps) {
      await pause(random.between(100, 900));
      await change();
      tally.count(name);
    }
    round += 1;
  });
}
