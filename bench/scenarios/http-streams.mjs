import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../statistics.mjs';
import { added, cpuPer } from './metrics.mjs';

const gapP50 = { id: 'gapP50', title: 'largest gap of a stream, p50', unit: 'ms', digits: 1 };
const gapP99 = { id: 'gapP99', title: 'largest gap of a stream, p99', unit: 'ms', digits: 1 };
const firstDeltaP99 = { id: 'firstDeltaP99', title: 'first delta, p99', unit: 'ms', digits: 0 };

/** Paced streams side by side. CPU time is measured from the first delta of the last stream, so without their starts. */
function pacedStreams({ id, title, metrics, sizes }) {
  return {
    id,
    title,
    metrics,
    sizes,
    async measure(target, { streams, events, everyMs, quietMs, spreadMs }) {
      const order = { streams, events, everyMs, quietMs, spreadMs };
      const { firstDeltas } = await target.load('openStreams', order);
      const { result, cpuMs } = await target.costOf(() => target.load('finishStreams'));
      return {
        cpu: (cpuMs * 1_000) / (streams * events),
        gapP50: percentile(result.gaps, 0.5),
        gapP99: percentile(result.gaps, 0.99),
        firstDeltaP99: percentile(firstDeltas, 0.99),
      };
    },
  };
}

const fifty = { streams: 50, everyMs: 20, quietMs: 400, spreadMs: 20 };
const fiveHundred = { streams: 500, everyMs: 200, quietMs: 2_000, spreadMs: 0 };

export const fiftyStreams = pacedStreams({
  id: 'paced50',
  title: '50 streams, an event every 20 ms',
  metrics: [cpuPer('event', 'µs'), gapP50, gapP99, added(gapP50)],
  sizes: { full: { ...fifty, events: 150 }, quick: { ...fifty, quietMs: 200, events: 60 } },
});

export const fiveHundredStreams = pacedStreams({
  id: 'paced500',
  title: '500 streams that start at once, an event every 200 ms',
  metrics: [firstDeltaP99, cpuPer('event', 'µs'), gapP99],
  sizes: { full: { ...fiveHundred, events: 15 }, quick: { ...fiveHundred, quietMs: 1_500, events: 5 } },
});

const RELEASE_LIMIT_MS = 10_000;
const POLL_MS = 20;

/** Resolves when upstream has no open turn. */
async function untilReleased(target) {
  const deadline = performance.now() + RELEASE_LIMIT_MS;
  while ((await target.openTurns()) > 0) {
    if (performance.now() > deadline)
      throw new Error('upstream still has streams that their clients have left');
    await sleep(POLL_MS);
  }
}

export const idleStreams = {
  id: 'idle1000',
  title: '1,000 silent streams',
  metrics: [
    { id: 'cpu', title: 'CPU per second', unit: 'ms', digits: 1 },
    { id: 'rss', title: 'memory (RSS) meanwhile', unit: 'MB', digits: 0 },
    { id: 'released', title: 'time until all are closed at upstream', unit: 'ms', digits: 0 },
  ],
  sizes: { full: { streams: 1_000, idleMs: 2_000 }, quick: { streams: 1_000, idleMs: 1_000 } },
  isFullOnly: true,
  async measure(target, { streams, idleMs }) {
    await target.load('holdStreams', { streams, lanes: 32 });
    const { cpuMs, rssMb } = await target.costOf(() => sleep(idleMs));
    const leftAt = performance.now();
    await target.load('releaseStreams');
    await untilReleased(target);
    return { cpu: (cpuMs * 1_000) / idleMs, rss: rssMb, released: performance.now() - leftAt };
  },
};
