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
  /** RSS, bytes: without a socket, with all of them and no turn since, at the end with all, when all have left. */
  readonly rss: {
    readonly before: number;
    readonly idle: number;
    readonly end: number;
    readonly left: number;
  };
  readonly samples: readonly Sample[];
  /** Since the warm-up. */
  readonly turnsCompared: number;
  /** How much more may be held at the end than after the warm-up, bytes. */
  readonly mayGrow: number;
}

/** The figures of a soak, and how small a leak they would show. */
export function told({ rss, samples, ...it }: SoakFigures): string {
  const perSocket = (rss.idle - rss.before) / it.sockets;
  const seen = it.mayGrow / Math.max(1, it.turnsCompared);
  return [
    '',
    it.title,
    `  turns ${it.turns} in ${it.seconds} s, ${it.turnsCompared} of them after the warm-up; the slowest took ${Math.round(it.slowestMs)} ms`,
    `  RSS before ${mb(rss.before)}, with all sockets idle ${mb(rss.idle)}, per idle socket ${kb(perSocket)}`,
    `  RSS at the end ${mb(rss.end)}, after all have left ${mb(rss.left)}`,
    `  held after a forced collection: ${samples.map((at) => `${Math.round(at.seconds)} s ${mb(at.figures.held)}`).join(', ')}`,
    `  a leak of ${Math.ceil(seen)} bytes a turn, or more, would be seen in it`,
    '',
  ].join('\n');
}
