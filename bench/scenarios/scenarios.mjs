import { failover } from './failover.mjs';
import * as httpTurns from './http-turns.mjs';
import { fiftyStreams, fiveHundredStreams, idleStreams } from './http-streams.mjs';
import { socketTurns } from './socket-turns.mjs';

/**
 * The loads, in the order in which a round runs them. A scenario is
 * - `id`, `title`
 * - `metrics`: `id`, `title`, `unit`, `digits`; derived ones also `from` and `over`
 * - `sizes`: arguments of `measure`, for the full and the quick form
 * - `measure(target, sizes)`: returns the value of each metric that is not derived
 * - `targets`: those that can serve it; all by default
 * - `world`: the set of targets, `plain` by default (`targets/worlds.mjs`)
 * - `isFullOnly`: whether the quick form leaves it out
 */
export const scenarios = [
  httpTurns.fewReads,
  httpTurns.manyChunks,
  httpTurns.fewReadsOverTls,
  httpTurns.manyChunksOverTls,
  httpTurns.fewReadsAfterYear,
  httpTurns.fewReadsWithPages,
  httpTurns.largeRequests,
  httpTurns.tinyRequests,
  httpTurns.zstdRequests,
  httpTurns.hugeRequests,
  socketTurns,
  failover,
  fiftyStreams,
  fiveHundredStreams,
  idleStreams,
];

/** Scenarios with a plain upstream, and the same over TLS. */
export const tlsPairs = [
  [httpTurns.fewReads, httpTurns.fewReadsOverTls],
  [httpTurns.manyChunks, httpTurns.manyChunksOverTls],
];
