import { scenarios } from './scenarios/scenarios.mjs';
import { spread } from './statistics.mjs';

/** Figures of the programs themselves, apart from any single load. */
const processes = {
  id: 'process',
  title: 'Start and memory',
  metrics: [
    { id: 'cold', title: 'start to the first served turn, cold', unit: 's', digits: 2, divisor: 1_000 },
    { id: 'warm', title: 'start to the first served turn, warm', unit: 's', digits: 2, divisor: 1_000 },
    { id: 'rssIdle', title: 'memory (RSS) idle', unit: 'MB', digits: 0 },
    { id: 'rssAfterLoad', title: 'memory (RSS) after all loads', unit: 'MB', digits: 0 },
  ],
};

const ms = { unit: 'ms', digits: 1 };
const loop = {
  id: 'loop',
  title: 'Event-loop delay, p99',
  metrics: [
    ...scenarios.map(({ id, title }) => ({ id, title, ...ms })),
    { id: 'worst', title: 'the highest of these', ...ms },
    { id: 'longest', title: 'the longest single delay', ...ms },
  ],
};

/** All groups of figures, in the order of the page. */
export const groups = [...scenarios, processes, loop];

/** Median, minimum and maximum over the rounds of every metric of every target, by group. */
export function summed(rounds) {
  const figures = {};
  for (const { id, metrics } of groups) {
    const names = new Set(rounds.flatMap((it) => Object.keys(it[id] ?? {})));
    for (const name of names) {
      for (const metric of metrics) {
        const values = rounds.map((it) => it[id]?.[name]?.[metric.id]).filter((it) => it !== undefined);
        if (values.length === 0) continue;
        const scaled = values.map((it) => it / (metric.divisor ?? 1));
        ((figures[id] ??= {})[name] ??= {})[metric.id] = spread(scaled);
      }
    }
  }
  return figures;
}
