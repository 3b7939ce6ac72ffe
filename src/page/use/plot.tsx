import { useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { useTheme } from './theme.js';
import { dayLabel, timeLabels } from './time-labels.js';
import { type PlotData, stacked } from './usage-series.js';

/** How a plot is drawn: stacked bars that begin at their time, or lines. */
export type PlotKind = 'bars' | 'lines';

interface PlotProps {
  readonly data: PlotData;
  readonly kind: PlotKind;
  /** A value in words, for axis and legend. */
  readonly format: (value: number) => string;
  /** Times that get a vertical mark, epoch ms. */
  readonly marks?: readonly number[];
  /** The highest value of the scale; by default that of the data. */
  readonly most?: number;
}

const HEIGHT = 200;
/** A shorter span is drawn as if it were this long, so that its axis has whole seconds. */
const LEAST_SPAN_MS = 60_000;
/** A line of so few values shows each one as a point: a single value would be no line. */
const MOST_POINTS = 60;
/** The colours of series are custom properties `--series-1` … `--series-6`. */
const COLOURS = 6;

/** Draws a plot. It is hidden from screen readers: the figure around it has the same data as a table. */
export function Plot({ data, kind, format, marks, most }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const plot = new uPlot(
      optionsOf({ data, kind, format, marks: marks ?? [], most }, element),
      alignedOf(data, kind),
      element,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: widthOf(element), height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [data, kind, format, marks, most, theme]);
  return <div ref={host} class="plot" aria-hidden="true" />;
}

interface Drawn extends Omit<PlotProps, 'marks' | 'most'> {
  readonly marks: readonly number[];
  readonly most: number | undefined;
}

/** Bars are drawn from the highest stack down, so that each covers the lower part of the one behind it. */
function alignedOf(data: PlotData, kind: PlotKind): uPlot.AlignedData {
  const { times, series } = kind === 'bars' ? stacked(data) : data;
  const drawn = kind === 'bars' ? series.toReversed() : series;
  return [[...times], ...drawn.map((it) => [...it.values])];
}

function optionsOf({ data, kind, format, marks, most }: Drawn, host: HTMLElement): uPlot.Options {
  const colour = (name: string) => colourOf(host, name);
  const count = data.series.length;
  const axis = {
    stroke: colour('--text-quiet'),
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { show: false },
  };
  const series = data.series.map(({ label, values }, index): uPlot.Series => {
    const own = colour(`--series-${(index % COLOURS) + 1}`);
    return {
      label,
      stroke: own,
      width: kind === 'bars' ? 0 : 2,
      points: { show: kind === 'lines' && values.filter((it) => it !== null).length <= MOST_POINTS, size: 5 },
      value: (_, __, ___, at) => legendValue(at === null ? null : values[at], format),
      ...(kind === 'bars' ? { fill: own, paths: bars() } : { spanGaps: true }),
    };
  });
  return {
    width: widthOf(host),
    height: HEIGHT,
    ms: 1,
    cursor: { drag: { x: false, y: false }, points: { show: kind === 'lines' } },
    scales: {
      x: { range: () => spanOf(data, kind) },
      y: { range: (_, __, max) => [0, most ?? Math.max(max * 1.05, 1)] },
    },
    axes: [
      { ...axis, size: 32, values: (_, times, ___, ____, step) => timeLabels(times, step) },
      { ...axis, size: 64, values: (_, values) => values.map((it) => format(it)) },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : dayLabel(at)) },
      ...(kind === 'bars' ? series.toReversed() : series),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks, colour('--text-quiet'))] },
    legend: { live: count > 0 },
  };
}

function bars(): uPlot.Series.PathBuilder {
  const build = uPlot.paths.bars;
  if (build === undefined) throw new Error('uPlot has no bars');
  return build({ size: [0.85, 48], align: 1 });
}

function spanOf({ times }: PlotData, kind: PlotKind): [number, number] {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 1];
  const step = kind === 'bars' && times.length > 1 ? last - (times.at(-2) ?? last) : 0;
  const missing = LEAST_SPAN_MS - (last + step - first);
  return missing > 0 ? [first - missing / 2, last + step + missing / 2] : [first, last + step];
}

/** Draws a dashed line at each mark. */
function drawMarks(plot: uPlot, marks: readonly number[], stroke: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.setLineDash([4, 4]);
  for (const at of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true)) + 0.5;
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function legendValue(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

function widthOf(element: HTMLElement): number {
  return Math.max(200, Math.floor(element.clientWidth));
}

/** Returns a custom property as a colour that a canvas knows: the browser resolves `light-dark()` first. */
function colourOf(host: HTMLElement, name: string): string {
  const before = host.style.color;
  host.style.color = `var(${name})`;
  const colour = getComputedStyle(host).color;
  host.style.color = before;
  return colour;
}
