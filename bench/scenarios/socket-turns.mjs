import { percentile } from '../statistics.mjs';
import { cpuPer } from './metrics.mjs';

const SOCKETS = 4;

/** Turns on WebSockets: one after another on one, then on several for CPU time, which includes their handshakes. */
export const socketTurns = {
  id: 'sockets',
  title: 'WebSocket, 43 KB up, 354 messages down',
  metrics: [cpuPer('turn'), { id: 'p50', title: 'first message, p50', unit: 'ms', digits: 2 }],
  sizes: { full: { latencyTurns: 100, cpuTurns: 100 }, quick: { latencyTurns: 30, cpuTurns: 50 } },
  async measure(target, { latencyTurns, cpuTurns }) {
    const { firstMessages } = await target.load('runSocketTurns', { sockets: 1, turns: latencyTurns });
    const { cpuMs } = await target.costOf(() =>
      target.load('runSocketTurns', { sockets: SOCKETS, turns: cpuTurns }),
    );
    return { cpu: cpuMs / (SOCKETS * cpuTurns), p50: percentile(firstMessages, 0.5) };
  },
};
