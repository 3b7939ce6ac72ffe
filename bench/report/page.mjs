import { groups } from '../summary.mjs';
import { method } from './method.mjs';
import { aimRows, figureRows, markdownTable, tlsRows } from './table.mjs';

const loadGroups = groups.filter((it) => it.world !== 'tls');

/** Returns the page: the figures of one run, then `notes`, which explain them, and `usage`: figures of other runs. */
export function page(result, charts, notes, usage) {
  const { machine, measuredAt, form } = result;
  const compared = machine.nginx === null ? 'nginx not installed, so not compared' : `nginx ${machine.nginx}`;
  const pictures = charts.map(({ file, title }) => `![${title}](benchmarks/${file})`).join('\n\n');
  return `# Benchmarks

Written by \`npm run bench -- --write-docs\`; do not edit. The sections "Where the time goes" and "A year of usage" are copied from \`bench/notes.md\` and \`bench/usage-notes.md\`. The figures are in [figures.json](benchmarks/figures.json).

Measured on ${measuredAt.slice(0, 10)}, in the ${form} form: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.kernel}; Node ${machine.node}, ${compared}. The machine's load was ${machine.loadAverage.toFixed(1)} at the start and ${machine.loadAverageAtEnd.toFixed(1)} at the end, the bench's own included (about 2): with few cores and other work running, the ratios are more reliable than the times.

## Goals

Medians of one run.

${markdownTable(aimRows(result))}

## Charts

A bar is the median of the rounds, the line in it reaches from the lowest to the highest.

${pictures}

## Figures

Median (minimum to maximum); rounds: ${result.rounds}, for the event loop ${result.loopRounds}.

${markdownTable(figureRows(result, loadGroups))}

## Upstream over TLS

Medians with a plain upstream and with one over TLS.

${markdownTable(tlsRows(result))}

## How it is measured

${method}

## Where the time goes

${notes.trim()}

## A year of usage

${usage.trim()}
`;
}
