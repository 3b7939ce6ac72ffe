/** The usage that counts; a field that is undefined lets all pass. */
export interface UsageFilter {
  /** Identity of the account. */
  readonly accountId?: string | undefined;
  readonly model?: string | undefined;
  /** Hashes of projects. */
  readonly projects?: readonly string[] | undefined;
}

/** The columns of a table that a filter looks at; null: the table does not have it, and the filter must not want it. */
interface FilteredColumns {
  readonly account: string | null;
  readonly model: string | null;
  readonly project: string | null;
}

/** The columns of a recorded turn. */
export const turnColumns: FilteredColumns = {
  account: 'account_id',
  model: "COALESCE(model, '')",
  project: "COALESCE(project, '')",
};

/** The common tables with the values of a filter, and their parameters; they come first in a statement. */
export function wantedTables({ accountId, model, projects }: UsageFilter): {
  readonly tables: readonly string[];
  readonly parameters: readonly string[];
} {
  const hasText = accountId !== undefined || model !== undefined;
  return {
    tables: [
      ...(hasText ? ['wanted (account, model) AS (VALUES (?, ?))'] : []),
      ...(projects === undefined ? [] : ['wanted_project (hash) AS (SELECT value FROM json_each(?))']),
    ],
    parameters: [
      ...(hasText ? [accountId ?? '', model ?? ''] : []),
      ...(projects === undefined ? [] : [JSON.stringify(projects)]),
    ],
  };
}

/** Returns the conditions of a filter, each with a leading AND; empty without any. */
export function andWanted(filter: UsageFilter, { account, model, project }: FilteredColumns): string {
  return [
    filter.accountId === undefined ? '' : ` AND ${named(account)} = (SELECT account FROM wanted)`,
    filter.model === undefined ? '' : ` AND ${named(model)} = (SELECT model FROM wanted)`,
    filter.projects === undefined ? '' : ` AND ${named(project)} IN (SELECT hash FROM wanted_project)`,
  ].join('');
}

function named(column: string | null): string {
  if (column === null) throw new RangeError('a table has no column for a filter');
  return column;
}

/** Returns the beginning of a statement with these common tables. */
export function withTables(...tables: readonly string[]): string {
  return tables.length === 0 ? '' : `WITH ${tables.join(', ')} `;
}

/** Returns why the stored sums cannot be filtered like this; null if they can. They hold pairs: one part and its model. */
export function whyNotFiltered({ accountId, projects }: UsageFilter, by: string): string | null {
  if (accountId !== undefined && projects !== undefined) return 'account and project cannot be combined';
  if (accountId !== undefined && by !== 'none' && by !== 'account' && by !== 'model')
    return `account cannot be combined with by=${by}`;
  if (projects !== undefined && by !== 'none' && by !== 'project' && by !== 'model')
    return `project cannot be combined with by=${by}`;
  return null;
}
