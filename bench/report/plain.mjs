import { groups } from '../summary.mjs';
import { aimRows, figureRows, paddedTable } from './table.mjs';

/** The figures and the goals as text for a terminal. */
export function plainReport(result) {
  return [
    paddedTable(figureRows(result, groups)),
    paddedTable(aimRows(result)),
    `Median (minimum to maximum); rounds: ${result.rounds}, for the event loop ${result.loopRounds}.`,
  ].join('\n\n');
}
