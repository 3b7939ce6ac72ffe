import { ownFigure } from './figure.mjs';

/** codex-pool's goals: a bound on a figure, or on its ratio to another target of the same run. */
const aims = [
  { title: 'CPU per turn of 43/90 KB, few reads', of: 'few.cpu', to: 'nginx', atMost: 2.5 },
  { title: 'CPU per turn of 43/90 KB, 354 chunks', of: 'chunks.cpu', to: 'bare Node', atMost: 1.4 },
  { title: 'CPU per event, 50 paced streams', of: 'paced50.cpu', to: 'bare Node', atMost: 1.25 },
  { title: 'first byte added, sequential, few reads, p50', of: 'few.p50Added', atMost: 0.8, unit: 'ms' },
  { title: 'first byte added, sequential, few reads, p99', of: 'few.p99Added', atMost: 3, unit: 'ms' },
  { title: 'first byte added, sequential, 354 chunks, p50', of: 'chunks.p50Added', atMost: 0.8, unit: 'ms' },
  { title: 'first byte added, sequential, 354 chunks, p99', of: 'chunks.p99Added', atMost: 3, unit: 'ms' },
  {
    title: '500 streams at once, first delta, p99',
    of: 'paced500.firstDeltaP99',
    to: 'bare Node',
    atMost: 1.3,
  },
  {
    title: 'failover added (429, then the next account), over two round trips, p50',
    of: 'failover.hopAdded',
    atMost: 2,
    unit: 'ms',
  },
  { title: 'memory (RSS) idle', of: 'process.rssIdle', atMost: 110, unit: 'MB' },
  { title: 'memory (RSS) after all loads', of: 'process.rssAfterLoad', atMost: 190, unit: 'MB' },
  { title: 'start to the first served turn, warm', of: 'process.warm', atMost: 0.8, unit: 's' },
  { title: 'event-loop delay, p99, under any load', of: 'loop.worst', atMost: 15, unit: 'ms' },
];

/** Each goal with today's figure; `isMet` is null where there is nothing to compare with. */
export function judgedAims(figures) {
  return aims.map((aim) => {
    const value = ownFigure(figures, aim.of, aim.to);
    return { ...aim, value, isMet: value === undefined ? null : value <= aim.atMost };
  });
}
