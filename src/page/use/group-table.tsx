import type { UsageSplit, UsageView } from '../../api/usage.js';
import { amount, percent } from '../../wording/times.js';
import { Table, type Column } from '../ui/table.js';
import { Name, Unknown } from '../ui/text.js';
import { costWords, groupName } from './group-words.js';
import type { UsageGroup } from './sentences.js';
import { cachedRatio } from './usage-series.js';

/** The most rows; the CSV has all. */
const MOST_ROWS = 200;

/** The sums of each account, model, project, …, largest first. */
export function GroupTable({ usage, by }: { usage: UsageView; by: UsageSplit }) {
  const groups = usage.groups ?? [];
  if (groups.length === 0) return null;
  const rest = groups.length - MOST_ROWS;
  return (
    <>
      <Table
        caption={`Sums by ${by.replace('-', ' ')}`}
        columns={columnsOf(by, usage.totals.cost !== undefined)}
        rows={groups.slice(0, MOST_ROWS)}
        keyOf={(it) => it.key}
      />
      {rest > 0 ? <p class="quiet">{rest} smaller ones are not shown; the CSV has them.</p> : null}
    </>
  );
}

function columnsOf(by: UsageSplit, hasCost: boolean): Column<UsageGroup>[] {
  const cost: Column<UsageGroup> = {
    key: 'cost',
    title: 'API-equivalent, not a bill',
    isNumber: true,
    cell: ({ cost: value }) =>
      value === null || value === undefined ? <Unknown why="a model has no price" /> : costWords(value),
  };
  return [
    { key: 'name', title: titles[by], cell: (it) => <Name of={groupName(it, by)} /> },
    { key: 'turns', title: 'Turns', isNumber: true, cell: (it) => it.turns.toLocaleString('en') },
    { key: 'input', title: 'Input', isNumber: true, cell: (it) => amount(it.input) },
    {
      key: 'cached',
      title: 'Cached',
      isNumber: true,
      cell: (it) => {
        const ratio = cachedRatio(it);
        return ratio === null ? <Unknown why="no input" /> : percent(ratio);
      },
    },
    { key: 'output', title: 'Output', isNumber: true, cell: (it) => amount(it.output) },
    { key: 'reasoning', title: 'Reasoning', isNumber: true, cell: (it) => amount(it.reasoning) },
    { key: 'resent', title: 'Sent again', isNumber: true, cell: (it) => amount(it.resent) },
    ...(hasCost ? [cost] : []),
  ];
}

const titles: Readonly<Record<UsageSplit, string>> = {
  none: 'All',
  account: 'Account',
  model: 'Model',
  project: 'Project',
  session: 'Session',
  effort: 'Effort',
  'front-end': 'Client',
};
