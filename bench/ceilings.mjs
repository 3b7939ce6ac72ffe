import { ownFigure } from './figure.mjs';

/**
 * Ceilings of the check in CI: codex-pool's figure as a multiple of bare Node's in the same run, so that they hold on any
 * machine. Each is about one and a half times the ratio measured on 2026-11-27 (`measured`): the noise of a busy machine
 * stays below it, a doubled cost does not.
 */
const ceilings = [
  { of: 'few.cpu', title: 'CPU per turn, few reads', measured: 4.2, atMost: 6.5 },
  { of: 'chunks.cpu', title: 'CPU per turn, 354 chunks', measured: 1.7, atMost: 2.6 },
  { of: 'tlsFew.cpu', title: 'CPU per turn, few reads, upstream over TLS', measured: 4, atMost: 6 },
  { of: 'large.cpu', title: 'CPU per turn, 400 KB up', measured: 4.6, atMost: 7 },
  { of: 'tiny.cpu', title: 'CPU per turn, tiny requests', measured: 5.3, atMost: 8 },
  { of: 'zstd.cpu', title: 'CPU per turn, zstd', measured: 5.8, atMost: 8.8 },
  { of: 'huge.cpu', title: 'CPU per turn, 16 MB up', measured: 3.6, atMost: 5.5 },
  { of: 'sockets.cpu', title: 'CPU per WebSocket turn', measured: 9.5, atMost: 15 }, // a tunnel reads nothing, and its own cost varies twofold
  { of: 'paced50.cpu', title: 'CPU per event, 50 streams', measured: 1.5, atMost: 2.2 },
  { of: 'paced500.cpu', title: 'CPU per event, 500 streams', measured: 2.4, atMost: 3.6 },
  { of: 'paced500.firstDeltaP99', title: 'first delta of 500 streams, p99', measured: 2.7, atMost: 4.5 },
  { of: 'process.rssIdle', title: 'memory idle', measured: 2.6, atMost: 3 }, // hardly varies
  { of: 'process.rssAfterLoad', title: 'memory after all loads', measured: 1.6, atMost: 2.5 },
  { of: 'process.warm', title: 'warm start', measured: 13, atMost: 20 },
];

/** A sentence for each ceiling that is exceeded, or whose figure is missing. */
export function exceededCeilings(figures) {
  return ceilings.flatMap(({ of, title, atMost }) => {
    const ratio = ownFigure(figures, of, 'bare Node');
    if (ratio === undefined) return [`${title}: not measured.`];
    return ratio <= atMost
      ? []
      : [`${title}: ${ratio.toFixed(2)} × bare Node, more than the ceiling of ${atMost}.`];
  });
}
