// Preloaded (`--import`) into a measured program on Node. Reports the delay of its event loop between two orders; does
// nothing before and after, so that it costs nothing while CPU time is measured.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Interval of the timer whose lateness is the delay. */
const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

/** The histogram counts the time between two runs of the timer. */
const lateMs = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);

process.on('message', (order) => {
  if (order === 'begin') {
    delay.reset();
    delay.enable();
    process.send({});
  } else if (order === 'end') {
    delay.disable();
    process.send({ p99: lateMs(delay.percentile(99)), max: lateMs(delay.max) });
  }
});
// The program ends as it does without the bench.
process.channel.unref();
