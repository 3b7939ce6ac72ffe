import { useSignal } from '@preact/signals';
import { Table, type Column } from '../ui/table.js';
import { Plot, type PlotKind } from './plot.js';
import { dayLabel } from './time-labels.js';
import type { PlotData } from './usage-series.js';

interface Props {
  readonly title: string;
  /** Says what the plot shows. */
  readonly sentence: string;
  readonly data: PlotData;
  readonly kind: PlotKind;
  readonly format: (value: number) => string;
  readonly marks?: readonly number[];
  readonly most?: number;
}

/** The most rows of a table below a plot. */
const MOST_ROWS = 400;

/** A plot with its sentence, and the same data as a table that opens below it. */
export function PlotFigure({ title, sentence, data, kind, format, marks, most }: Props) {
  const isOpen = useSignal(false);
  return (
    <figure class="use-figure">
      <figcaption>
        <h3>{title}</h3>
        <p>{sentence}</p>
      </figcaption>
      {data.times.length > 0 && data.series.length > 0 ? (
        <Plot
          data={data}
          kind={kind}
          format={format}
          {...(marks === undefined ? {} : { marks })}
          {...(most === undefined ? {} : { most })}
        />
      ) : null}
      <details onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
        <summary>As a table</summary>
        {isOpen.value ? <DataTable title={title} data={data} format={format} /> : null}
      </details>
    </figure>
  );
}

function DataTable({ title, data, format }: Pick<Props, 'title' | 'data' | 'format'>) {
  const { times, series } = data;
  const withData = times.flatMap((at, index) =>
    series.some((it) => (it.values[index] ?? 0) !== 0) ? [{ at, index }] : [],
  );
  const rows = withData.slice(-MOST_ROWS);
  if (rows.length === 0) return <p class="quiet">No data in this span.</p>;
  const columns: Column<{ at: number; index: number }>[] = [
    { key: 'time', title: 'Time', cell: ({ at }) => dayLabel(at) },
    ...series.map((it, place) => ({
      key: String(place),
      title: it.label,
      isNumber: true,
      cell: ({ index }: { index: number }) => {
        const value = it.values[index] ?? null;
        return value === null ? '–' : format(value);
      },
    })),
  ];
  const rest = withData.length - rows.length;
  return (
    <>
      <Table
        caption={`${title}, over time`}
        hasQuietCaption
        columns={columns}
        rows={rows}
        keyOf={({ at }) => String(at)}
      />
      {rest > 0 ? <p class="quiet">{rest} earlier rows are not shown; the CSV has them all.</p> : null}
    </>
  );
}
