import type { UsageWindow } from '../../../src/fake-upstream/script/quota.js';
import { polled } from './first-poll.js';
import { TestPool, type TestPoolOptions } from './pool.js';

/** A weekly window with this usage; all such windows reset at the same time. */
export const used = (usedPercent: number): UsageWindow => ({
  usedPercent,
  windowSeconds: 604_800,
  resetsInSeconds: 300_000,
});

/**
 * Starts a pool in which the first session goes to b. After its first turn, a is the better choice for every new
 * session, so only affinity explains a turn on b.
 */
export async function startTilted(options: TestPoolOptions = {}): Promise<TestPool> {
  const pool = await TestPool.start({
    ...options,
    prepare: (fakeUpstream) => {
      fakeUpstream.account('a').usage(used(50));
      fakeUpstream.account('b').usage(used(10));
    },
  });
  await polled(pool);
  pool.fakeUpstream.account('b').usage(used(90));
  return pool;
}
