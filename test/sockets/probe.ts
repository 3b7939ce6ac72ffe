import { z } from 'zod';
import type { RunningProgram } from '../support/program/usage-program.js';

const figures = z.object({
  /** Resident, bytes. */
  rss: z.number(),
  /** What is alive after a forced garbage collection, in the heap and outside of it (buffers, zlib), bytes. */
  held: z.number(),
  /** WebSocket objects that are alive, open or not; null for a program that was not at rest. */
  webSockets: z.number().nullable(),
  /** Listeners on open connections, on their WebSockets and on the process. */
  listeners: z.number(),
});

export type Figures = z.infer<typeof figures>;

/** Setting under which the program carries the probe, with the heap that `npm start` gives it. */
export const probedBy = `--max-semi-space-size=4 --import=${new URL('probe.mjs', import.meta.url).href}`;

/** Collects the garbage of a program in the middle of its work, and counts what is left. */
export async function probe(program: RunningProgram): Promise<Figures> {
  return await ask(program, 'SIGUSR2');
}

/** The same with the WebSockets, which takes seconds: for a program that has nothing to do. */
export async function probeAtRest(program: RunningProgram): Promise<Figures> {
  return await ask(program, 'SIGWINCH');
}

async function ask({ pid, child }: RunningProgram, signal: NodeJS.Signals): Promise<Figures> {
  const seen = child.stdout.length;
  process.kill(pid, signal);
  const told = (): string | null => /^probed (.+)$/m.exec(child.stdout.slice(seen))?.[1] ?? null;
  return figures.parse(JSON.parse(await child.until(told, 'the figures of the probe')));
}
