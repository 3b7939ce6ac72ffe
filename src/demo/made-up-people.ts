import type { FakeAccountOptions } from '../fake-upstream/script/account-script.js';
import type { UsageWindows } from '../fake-upstream/script/quota.js';

const FIVE_HOURS = 18_000;
const A_WEEK = 604_800;

/** A 5 h and a weekly window with the given usage in percent. */
function used(short: number, long: number): UsageWindows {
  return [
    { usedPercent: short, windowSeconds: FIVE_HOURS, resetsInSeconds: 7_200 },
    { usedPercent: long, windowSeconds: A_WEEK },
  ];
}

/**
 * The made-up accounts of the pool. Their remaining quotas differ so much that every quota-based policy takes them in
 * this order, and a busy one last.
 */
export const people = [
  { name: 'home', plan: 'plus', windows: used(12, 8) },
  { name: 'work', plan: 'team', windows: used(20, 25) },
  { name: 'spare', plan: 'plus', windows: used(35, 45) },
] as const satisfies readonly (FakeAccountOptions & { windows: UsageWindows })[];

/** The account that serves first, then fails. */
export const first = people[0];

/** The first account's windows when its limit is reached. */
export const spentWindows = used(100, 8);
