import type { UsageView } from '../api/usage.js';
import type { Prices } from '../config/prices.config.js';
import { costOf } from '../usage/report/cost.js';
import type { GroupSplit, SplitGroup, SplitGroups } from '../usage/report/split-groups.js';
import type { UsageQuery, UsageResult } from '../usage/report/usage-report.js';
import type { UsageSums } from '../usage/sums/rollup-sums.js';
import { cursorText } from './lists/page-cursor.js';

/** The names of accounts and projects; null for those that are not known any more. */
export interface UsageNames {
  readonly account: (id: string) => string | null;
  readonly project: (hash: string) => string | null;
}

const COST_NOTE = 'API-equivalent, not a bill';

/** Makes the response of `GET /admin/usage`. Without `prices` it contains no cost. */
export function usageView(
  { tz, from, by }: UsageQuery,
  result: UsageResult,
  names: UsageNames,
  prices: Prices | null,
): UsageView {
  const { totals, accounts, count, hours, next, split, models, firstByteMs } = result;
  const { failovers, ...sums } = totals;
  const total = prices === null ? {} : { cost: models === null ? null : costOfAll(models, prices) };
  return {
    tz,
    from,
    totals: { ...sums, ...total },
    accounts: accounts.map((it) => ({ ...it, name: names.account(it.accountId) })),
    accountCount: count,
    ...(split === null || by === 'none'
      ? {}
      : { groups: split.groups.map((it) => groupView(by, it, names, prices)), groupCount: split.count }),
    hours: hours.map((it) =>
      it.accountId === undefined ? it : { ...it, name: names.account(it.accountId) },
    ),
    next: next === null ? null : cursorText({ at: next.at, key: next.split }),
    firstByteMs,
    failovers,
    ...(prices === null ? {} : { costNote: COST_NOTE }),
  };
}

/** Models beyond the bound of groups are not priced. */
function costOfAll({ groups, count }: SplitGroups, prices: Prices): number | null {
  if (groups.length < count) return null;
  return costOf(
    groups.flatMap((it) => it.models),
    prices,
  );
}

function groupView(by: GroupSplit, group: SplitGroup, names: UsageNames, prices: Prices | null) {
  const { key, models, resent } = group;
  const { turns, input, cached, output, reasoning }: UsageSums = group;
  const name = by === 'account' ? names.account(key) : by === 'project' ? names.project(key) : null;
  const cost = prices === null ? {} : { cost: costOf(models, prices) };
  return { key, name, turns, input, cached, output, reasoning, resent, ...cost };
}
