// Preloaded into the program (`--import`). Moves its clock by TEST_CLOCK_SHIFT_MS, so that a job of every hour is due
// when a test wants it. On SIGUSR2 prints how late its event loop was and how much memory it took since the last time.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
const shiftMs = Number(process.env.TEST_CLOCK_SHIFT_MS ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shiftMs);
    else super(...values);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
let peak = 0;
let busyMs = 0;
let usedBefore = ownCpuMs();
// Other work on the machine makes the loop late, but lets it use no more time.
setInterval(() => {
  const used = ownCpuMs();
  busyMs = Math.max(busyMs, used - usedBefore);
  usedBefore = used;
}, RESOLUTION_MS).unref();
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10).unref();

/** How late a tick of the event loop was. */
function lateMs(nanoseconds) {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}

/** CPU time of the main thread. */
function ownCpuMs() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

process.on('SIGUSR2', () => {
  const rss = process.memoryUsage.rss();
  const { user, system } = process.cpuUsage();
  const figures = {
    loopMaxMs: lateMs(delay.max),
    loopP99Ms: lateMs(delay.percentile(99)),
    busyMaxMs: busyMs,
    cpuMs: (user + system) / 1e3,
    rss,
    rssPeak: Math.max(rss, peak),
  };
  process.stdout.write(`pressure ${JSON.stringify(figures)}\n`);
  delay.reset();
  peak = 0;
  busyMs = 0;
});
