import { ownFigure } from './figure.mjs';

/**
 * Ceilings of the check in CI: codex-pool's figure as a multiple of bare Node's in the same run, so that they hold on any
 * machine. `measured` is the median of the full form on a quiet machine, 2026-11-27. A ceiling leaves room for the short
 * form, which warms up less, and for other work on both cores. They guard against a regression, not against noise: an
 * exceeded one is measured again, and counts only if each of the `TRIES` exceeds it. The goals are in `aims.mjs`.
 */
const ceilings = [
  { of: 'few.cpu', title: 'CPU per turn, few reads', measured: 2.5, atMost: 8 },
  { of: 'chunks.cpu', title: 'CPU per turn, 354 chunks', measured: 1.4, atMost: 3 },
  { of: 'tlsFew.cpu', title: 'CPU per turn, few reads, upstream over TLS', measured: 3.1, atMost: 6.2 },
  { of: 'large.cpu', title: 'CPU per turn, 400 KB up', measured: 3.3, atMost: 11 },
  { of: 'tiny.cpu', title: 'CPU per turn, tiny requests', measured: 4.7, atMost: 10 },
  { of: 'zstd.cpu', title: 'CPU per turn, zstd', measured: 2.5, atMost: 9 },
  { of: 'huge.cpu', title: 'CPU per turn, 16 MB up', measured: 3.8, atMost: 5.7 },
  { of: 'sockets.cpu', title: 'CPU per WebSocket turn', measured: 1.9, atMost: 8 },
  { of: 'paced50.cpu', title: 'CPU per event, 50 streams', measured: 1.6, atMost: 2.9 },
  { of: 'paced500.cpu', title: 'CPU per event, 500 streams', measured: 2.3, atMost: 6 },
  { of: 'paced500.firstDeltaP99', title: 'first delta of 500 streams, p99', measured: 2.3, atMost: 6 },
  { of: 'process.rssIdle', title: 'memory idle', measured: 2.5, atMost: 2.9 }, // hardly varies
  { of: 'process.rssAfterLoad', title: 'memory after all loads', measured: 1.6, atMost: 2.9 },
  { of: 'process.warm', title: 'warm start', measured: 10.8, atMost: 20 },
];

/** Measurements before an exceeded ceiling counts. */
export const TRIES = 3;

/** The ceilings that are exceeded, or whose figure is missing: which figure, and a sentence. */
export function exceededCeilings(figures) {
  return ceilings.flatMap(({ of, title, atMost }) => {
    const ratio = ownFigure(figures, of, 'bare Node');
    if (ratio === undefined) return [{ of, text: `${title}: not measured.` }];
    if (ratio <= atMost) return [];
    const text = `${title}: ${ratio.toFixed(2)} × bare Node, more than the ceiling of ${atMost}.`;
    return [{ of, text }];
  });
}

/** The scenarios to measure again: those of the exceeded ceilings; all of them for a figure of the whole process. */
export function scenariosOf(exceeded, scenarios) {
  const ids = new Set(exceeded.map(({ of }) => of.split('.')[0]));
  return ids.has('process') ? scenarios : scenarios.filter((it) => ids.has(it.id));
}
