import { z } from 'zod';
import type { RunningProgram } from '../support/program/usage-program.js';

const figures = z.object({
  /** Resident set size, bytes. */
  rss: z.number(),
  /** Memory in use after a forced garbage collection, in the heap and outside it (buffers, zlib), bytes. */
  held: z.number(),
  /** Live WebSocket objects, open or not; null unless the program was at rest. */
  webSockets: z.number().nullable(),
  /** Event listeners on open connections, on their WebSockets and on the process. */
  listeners: z.number(),
});

export type Figures = z.infer<typeof figures>;

/** `NODE_OPTIONS` that preload the probe, with the heap settings of `npm start`. */
export const probeOptions = `--import=${new URL('probe.mjs', import.meta.url).href}`;

/** Forces a garbage collection in a busy program, and measures what is left. */
export async function probe(program: RunningProgram): Promise<Figures> {
  return await request(program, 'SIGUSR2');
}

/** Does the same and counts the WebSockets. This blocks the program for seconds, so call it only when it is idle. */
export async function probeAtRest(program: RunningProgram): Promise<Figures> {
  return await request(program, 'SIGWINCH');
}

async function request({ pid, child }: RunningProgram, signal: NodeJS.Signals): Promise<Figures> {
  const offset = child.stdout.length;
  process.kill(pid, signal);
  const printed = (): string | null => /^probed (.+)$/m.exec(child.stdout.slice(offset))?.[1] ?? null;
  return figures.parse(JSON.parse(await child.until(printed, 'the figures of the probe')));
}
