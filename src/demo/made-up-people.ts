import type { FakeAccountOptions } from '../fake-upstream/script/account-script.js';
import type { UsageWindows } from '../fake-upstream/script/quota.js';

const FIVE_HOURS = 18_000;
const A_WEEK = 604_800;

/** A 5 h and a weekly window, used by so many percent. */
function used(short: number, long: number): UsageWindows {
  return [
    { usedPercent: short, windowSeconds: FIVE_HOURS, resetsInSeconds: 7_200 },
    { usedPercent: long, windowSeconds: A_WEEK },
  ];
}

/**
 * Who is in the pool: made up, and so far apart in what they have left that every policy by quota takes them in this
 * order, and a busy one after the next.
 */
export const people = [
  { name: 'home', plan: 'plus', windows: used(12, 8) },
  { name: 'work', plan: 'team', windows: used(20, 25) },
  { name: 'spare', plan: 'plus', windows: used(35, 45) },
] as const satisfies readonly (FakeAccountOptions & { windows: UsageWindows })[];

/** The one that serves first and that things go wrong with. */
export const first = people[0];

/** What the first account's windows are when its limit is reached. */
export const spentWindows = used(100, 8);
