import { percentile } from '../statistics.mjs';
import { added } from './metrics.mjs';

const hop = { id: 'hop', title: '429, then the first byte of a 200, p50', unit: 'ms', digits: 2 };

/** Longer than a refused account is left out (`upstream/turn-responses.mjs`), so that two others can always serve. */
const PAUSE_MS = 70;

/**
 * A turn that upstream refuses with 429, then serves. Directly, the client sends it twice: two round trips. The other
 * targets do not fail over.
 */
export const failover = {
  id: 'failover',
  title: 'failover, 43 KB up, 90 KB down',
  metrics: [hop, { ...added(hop), title: 'failover added, over two direct round trips, p50' }],
  targets: ['direct', 'codex-pool'],
  sizes: { full: { turns: 60, pauseMs: PAUSE_MS }, quick: { turns: 20, pauseMs: PAUSE_MS } },
  async measure(target, { turns, pauseMs }) {
    const order = { count: turns, pauseMs, sendsAgain: target.name === 'direct' };
    const { firstBytes } = await target.load('runRefusedTurns', order);
    return { hop: percentile(firstBytes, 0.5) };
  },
};
