import type { Sample } from './soak.js';

const MB = 1e6;
const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;
const kb = (bytes: number): string => `${(bytes / 1e3).toFixed(1)} kB`;

export interface SoakFigures {
  readonly title: string;
  readonly turns: number;
  readonly seconds: number;
  readonly slowestMs: number;
  readonly sockets: number;
  /** RSS, bytes. */
  readonly rss: {
    /** Before any socket is opened. */
    readonly before: number;
    /** With all sockets open and no turn yet. */
    readonly idle: number;
    /** With all sockets open, after the last turn. */
    readonly end: number;
    /** After all clients have disconnected. */
    readonly left: number;
  };
  readonly samples: readonly Sample[];
  /** Turns since the warm-up. */
  readonly turnsCompared: number;
  /** Allowed growth of the memory in use between the warm-up and the end, bytes. */
  readonly allowedGrowth: number;
}

/** The figures of a soak test, and the smallest leak that they would reveal. */
export function formatReport({ rss, samples, ...it }: SoakFigures): string {
  const perSocket = (rss.idle - rss.before) / it.sockets;
  const smallestLeak = it.allowedGrowth / Math.max(1, it.turnsCompared);
  return [
    '',
    it.title,
    `  turns ${it.turns} in ${it.seconds} s, ${it.turnsCompared} of them after the warm-up; slowest ${Math.round(it.slowestMs)} ms`,
    `  RSS before ${mb(rss.before)}, with all sockets idle ${mb(rss.idle)}, per idle socket ${kb(perSocket)}`,
    `  RSS at the end ${mb(rss.end)}, after all clients have left ${mb(rss.left)}`,
    `  in use after a forced collection: ${samples.map((at) => `${Math.round(at.seconds)} s ${mb(at.figures.held)}`).join(', ')}`,
    `  leaks of ${Math.ceil(smallestLeak)} bytes per turn or more would show`,
    '',
  ].join('\n');
}
