import { join } from 'node:path';
import type { LoggedRequest } from '../../../src/fake-upstream/script/request-log.js';
import { DAY, FakeClock, SECOND } from '../fake-clock.js';
import { polled } from './first-poll.js';
import { TestPool } from './pool.js';
import { send } from '../clients/raw-client.js';

/** Moved by this, the clock stands half a minute before the end of a token that lives ten days. */
export const ALMOST = 10 * DAY - 30 * SECOND;
/** Lifetime of a token that is not due for a refresh even then. */
export const LONG_SECONDS = 40 * 86_400;

/** A pool with the account `a`, in which a turn has begun whose refresh waits for the test. */
export async function refreshing() {
  const clock = new FakeClock();
  const pool = await TestPool.start({ accounts: ['a'], clock });
  await polled(pool);
  clock.advance(ALMOST);
  pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
  const before = await pool.readAuth('a');
  const held = pool.fakeUpstream.tokens.hold();
  const turn = send(pool);
  await held.arrived;
  return { pool, held, turn, before };
}

export const fileOf = (pool: TestPool, name: string): string => join(pool.folder, 'pool', `${name}.json`);

/** The tokens that the fake upstream has issued last. */
export const newest = (pool: TestPool, name = 'a') => pool.fakeUpstream.account(name).authJson().tokens;

/** What reached upstream with the token of one account and the id of another. */
export function crossed({ fakeUpstream }: TestPool): LoggedRequest[] {
  return fakeUpstream.log.filter(
    (it) =>
      it.account !== null && it.headers['chatgpt-account-id'] !== fakeUpstream.account(it.account).accountId,
  );
}
