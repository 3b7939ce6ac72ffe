import { targetNames } from '../targets/worlds.mjs';
import { barChart } from './bar-chart.mjs';

/** The charts of the page. Each row is a label and the figure (`group.metric`) that it shows. */
const charts = [
  {
    file: 'cpu-per-turn.svg',
    title: 'CPU time per turn, ms',
    digits: 2,
    rows: [
      ['90 KB down, few reads', 'few.cpu'],
      ['the same, upstream over TLS', 'tlsFew.cpu'],
      ['90 KB down, 354 chunks', 'chunks.cpu'],
      ['WebSocket, 354 messages', 'sockets.cpu'],
      ['400 KB up', 'large.cpu'],
      ['tiny requests', 'tiny.cpu'],
    ],
  },
  {
    file: 'first-byte.svg',
    title: 'Time until the first byte, ms',
    digits: 2,
    rows: [
      ['few reads, p50', 'few.p50'],
      ['few reads, p99', 'few.p99'],
      ['354 chunks, p50', 'chunks.p50'],
      ['354 chunks, p99', 'chunks.p99'],
      ['429, then the next account', 'failover.hop'],
    ],
  },
  {
    file: 'cpu-per-event.svg',
    title: 'CPU time per event of paced streams, µs',
    digits: 0,
    rows: [
      ['50 streams', 'paced50.cpu'],
      ['500 streams', 'paced500.cpu'],
    ],
  },
  {
    file: 'memory.svg',
    title: 'Memory (RSS), MB',
    digits: 0,
    rows: [
      ['idle', 'process.rssIdle'],
      ['with 1,000 silent streams', 'idle1000.rss'],
      ['after all loads', 'process.rssAfterLoad'],
    ],
  },
  {
    file: 'start.svg',
    title: 'Start to the first served turn, s',
    digits: 2,
    rows: [
      ['warm', 'process.warm'],
      ['cold (no compile cache)', 'process.cold'],
    ],
  },
];

function barsOf(figures, path) {
  const [group, metric] = path.split('.');
  return targetNames
    .map((name) => ({ name, ...figures[group]?.[name]?.[metric] }))
    .filter((it) => it.median !== undefined);
}

/** The charts as SVG, without rows and charts that were not measured. */
export function drawnCharts(figures) {
  return charts
    .map(({ rows, ...chart }) => ({
      ...chart,
      rows: rows
        .map(([label, path]) => ({ label, bars: barsOf(figures, path) }))
        .filter((it) => it.bars.length > 0),
    }))
    .filter((it) => it.rows.length > 0)
    .map((chart) => ({ file: chart.file, title: chart.title, svg: barChart(chart) }));
}
