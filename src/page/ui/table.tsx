import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand right, in tabular figures. */
  readonly isNumber?: boolean;
}

interface Props<Row> {
  /** Says what the table holds; only for the screen reader if `hasQuietCaption`. */
  readonly caption: string;
  readonly hasQuietCaption?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}

/** A table with headers. Below 560 px each row is a block, and each cell carries its column's title. */
export function Table<Row>({ caption, hasQuietCaption = false, columns, rows, keyOf }: Props<Row>) {
  const [first] = columns;
  return (
    <table class="table">
      <caption class={hasQuietCaption ? 'visually-hidden' : undefined}>{caption}</caption>
      <thead>
        <tr>
          {columns.map((it) => (
            <th key={it.key} scope="col" class={it.isNumber === true ? 'number' : undefined}>
              {it.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column) => {
              const Cell = column === first ? 'th' : 'td';
              return (
                <Cell
                  key={column.key}
                  scope={column === first ? 'row' : undefined}
                  class={column.isNumber === true ? 'number' : undefined}
                  data-title={column.title}
                >
                  {column.cell(row)}
                </Cell>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
