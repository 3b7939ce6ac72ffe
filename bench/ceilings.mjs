import { ownFigure } from './figure.mjs';

/**
 * Ceilings of the check in CI: codex-pool's figure as a multiple of bare Node's in the same run, so that they hold on any
 * machine. `measured` is the median of three runs on 2026-11-27, while other work kept both cores busy (load 3 to 6). A
 * ceiling is about one and a half times that, and more where one of six runs came near: 16 MB, zstd, few reads, the first
 * delta, and WebSockets, because a tunnel reads nothing and its own cost varies twofold. They guard against a regression,
 * not against noise; the goals are in `aims.mjs`.
 */
const ceilings = [
  { of: 'few.cpu', title: 'CPU per turn, few reads', measured: 4.9, atMost: 9 },
  { of: 'chunks.cpu', title: 'CPU per turn, 354 chunks', measured: 2.5, atMost: 3.8 },
  { of: 'tlsFew.cpu', title: 'CPU per turn, few reads, upstream over TLS', measured: 4.1, atMost: 6.2 },
  { of: 'large.cpu', title: 'CPU per turn, 400 KB up', measured: 7.1, atMost: 10.7 },
  { of: 'tiny.cpu', title: 'CPU per turn, tiny requests', measured: 6, atMost: 9 },
  { of: 'zstd.cpu', title: 'CPU per turn, zstd', measured: 6.1, atMost: 11 },
  { of: 'huge.cpu', title: 'CPU per turn, 16 MB up', measured: 2.3, atMost: 5.5 },
  { of: 'sockets.cpu', title: 'CPU per WebSocket turn', measured: 7.5, atMost: 15 },
  { of: 'paced50.cpu', title: 'CPU per event, 50 streams', measured: 1.6, atMost: 2.7 },
  { of: 'paced500.cpu', title: 'CPU per event, 500 streams', measured: 2.8, atMost: 4.2 },
  { of: 'paced500.firstDeltaP99', title: 'first delta of 500 streams, p99', measured: 2.5, atMost: 7 },
  { of: 'process.rssIdle', title: 'memory idle', measured: 2.6, atMost: 3 }, // hardly varies
  { of: 'process.rssAfterLoad', title: 'memory after all loads', measured: 1.8, atMost: 2.7 },
  { of: 'process.warm', title: 'warm start', measured: 12, atMost: 20 },
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
