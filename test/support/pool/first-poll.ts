import type { TestPool } from './pool.js';

/**
 * Resolves when the first round of polls is over, so that its results are known and cannot clear a later refusal. The
 * account check of an account comes after its quota has been recorded.
 */
export async function polled(pool: TestPool): Promise<void> {
  const names = pool.registry.list().map((it) => it.name);
  const isAsked = (name: string): boolean =>
    pool.fakeUpstream.log.some((it) => it.account === name && it.path.endsWith('/wham/accounts/check'));
  await pool.fakeUpstream.until(() => names.every(isAsked), 'the first round of polls');
}
