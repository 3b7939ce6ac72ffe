import { z } from 'zod';
import type { RunningProgram } from './usage-program.js';

const figures = z.object({
  /** How late the event loop was, ms. */
  loopMaxMs: z.number(),
  loopP99Ms: z.number(),
  /** The most CPU time that the main thread took between two ticks 5 ms apart, ms. */
  busyMaxMs: z.number(),
  /** CPU time of all threads since the start, ms. */
  cpuMs: z.number(),
  /** Resident set size, bytes: now, and its highest value. */
  rss: z.number(),
  rssPeak: z.number(),
});

/** Figures of the program since the last time. */
export type Pressure = z.infer<typeof figures>;

/** `NODE_OPTIONS` that preload the probe, with the heap settings of `npm start`. */
export const pressureOptions = `--max-semi-space-size=4 --import=${new URL('pressure-probe.mjs', import.meta.url).href}`;

/** A shell command that has the program start `beforeMs` before the next full hour of its clock. */
export function startingBeforeHour(beforeMs: number): string {
  const HOUR = 3_600_000;
  const left = HOUR - (Date.now() % HOUR);
  return `export TEST_CLOCK_SHIFT_MS=${left - beforeMs}`;
}

/** Reads the probe, and begins anew. */
export async function pressureOf({ pid, child }: RunningProgram): Promise<Pressure> {
  const offset = child.stdout.length;
  process.kill(pid, 'SIGUSR2');
  const printed = (): string | null => /^pressure (.+)$/m.exec(child.stdout.slice(offset))?.[1] ?? null;
  return figures.parse(JSON.parse(await child.until(printed, 'the figures of the probe')));
}
