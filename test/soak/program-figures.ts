import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { RunningProgram } from '../support/program/usage-program.js';
import { readHeapGraph } from './heap/heap-graph.js';
import { heapSummary, type HeapSummary } from './heap/heap-summary.js';

const PROBE_LIMIT_MS = 60_000;

const counts = z.record(z.string(), z.number());

const figuresSchema = z.object({
  /** Memory after a forced garbage collection, bytes. */
  rss: z.number(),
  heapUsed: z.number(),
  external: z.number(),
  arrayBuffers: z.number(),
  /** Resources that keep the event loop alive (sockets, servers, timers, file requests), by kind. */
  resources: counts,
  /** Open file descriptors by target. */
  handles: counts,
  /** Listeners on the process, by event. */
  listeners: counts,
});

/** The figures of a program at rest. */
export type ProgramFigures = z.infer<typeof figuresSchema> & { readonly heap: HeapSummary };

/** The environment that preloads the probe. */
export const probeEnv = (snapshot: string): Record<string, string> => ({
  NODE_OPTIONS: `--import=${new URL('soak-probe.mjs', import.meta.url).href}`,
  SOAK_SNAPSHOT: snapshot,
});

/** Measures the program. Blocks it for seconds, so it must be at rest. */
export async function figuresOf({ pid, child }: RunningProgram, snapshot: string): Promise<ProgramFigures> {
  const offset = child.stdout.length;
  process.kill(pid, 'SIGUSR2');
  const printed = (): string | null => /^probed (.+)\n/m.exec(child.stdout.slice(offset))?.[1] ?? null;
  const text = await child.until(printed, 'the figures of the probe', PROBE_LIMIT_MS);
  const heap = heapSummary(await readHeapGraph(snapshot));
  await rm(snapshot);
  return { ...figuresSchema.parse(JSON.parse(text)), heap };
}
