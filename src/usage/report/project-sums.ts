import type { EntityManager } from 'typeorm';
import { addRecorded, noRecorded } from '../sums/rollup-sums.js';
import type { AccountSums } from './account-sums.js';
import { groupsBy } from './split-groups.js';
import type { StoredSpan } from './stored-span.js';
import type { UsageFilter } from './usage-filter.js';
import type { TimeSpan } from './usage-sql.js';

/** Sums up a time span of the projects of a filter. Their accounts are not known, so that none is listed. */
export async function sumsOfProjects(
  manager: EntityManager,
  query: TimeSpan & { readonly filter: UsageFilter },
  span: TimeSpan,
  stored: StoredSpan,
): Promise<AccountSums> {
  const { groups } = await groupsBy(manager, 'project', query, span, stored);
  const totals = noRecorded();
  for (const it of groups) addRecorded(totals, it);
  return { totals, count: 0, accounts: [] };
}
