import { join } from 'node:path';
import type { LoggedRequest } from '../../../src/fake-upstream/script/request-log.js';
import { DAY, FakeClock, SECOND } from '../fake-clock.js';
import { polled } from './first-poll.js';
import { TestPool } from './pool.js';
import { send } from '../clients/raw-client.js';

/** Advances the clock to half a minute before the expiry of a token that is valid for ten days. */
export const ALMOST = 10 * DAY - 30 * SECOND;
/** Lifetime of a token that is not due for a refresh then. */
export const LONG_SECONDS = 40 * 86_400;

/** Starts a pool with the account `a` and a turn whose refresh waits for the test. */
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

/** The newest tokens that the fake upstream has issued. */
export const newest = (pool: TestPool, name = 'a') => pool.fakeUpstream.account(name).authJson().tokens;

/** Requests that reached upstream with the token of one account and the id of another. */
export function crossed({ fakeUpstream }: TestPool): LoggedRequest[] {
  return fakeUpstream.log.filter(
    (it) =>
      it.account !== null && it.headers['chatgpt-account-id'] !== fakeUpstream.account(it.account).accountId,
  );
}
