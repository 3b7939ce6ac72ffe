import type { TestPool } from './pool.js';

/**
 * Resolves when the first round of polls is over: what it learned is known, and it cannot end a refusal that comes later.
 * An account is asked for its routing only after its quota has been taken in.
 */
export async function polled(pool: TestPool): Promise<void> {
  const names = pool.registry.list().map((it) => it.name);
  const isAsked = (name: string): boolean =>
    pool.fakeUpstream.log.some((it) => it.account === name && it.path.endsWith('/wham/accounts/check'));
  await pool.fakeUpstream.until(() => names.every(isAsked), 'the first round of polls');
}
