import { passedOverWords } from '../wording/decision-words.js';
import type { ShownAccount } from './admin-responses.js';
import { lengthOfTime, timeLeft } from './time-left.js';

/** Formats the accounts as a text table, with a header line. */
export function accountTable(accounts: readonly ShownAccount[], now: number): string[] {
  const durations = [...new Set(accounts.flatMap((it) => it.windows.map((w) => w.durationSeconds)))];
  const heads = [
    'ACCOUNT',
    'CAN SERVE',
    'IN FLIGHT',
    ...durations.toSorted((a, b) => a - b).map((it) => `${lengthOfTime(it * 1_000)} USED`),
    'TURNS',
    'TOKENS IN (CACHED)',
    'OUT',
  ];
  const rows = accounts.map((it) => [
    it.name,
    stateOf(it, now),
    String(it.inFlight),
    ...durations.toSorted((a, b) => a - b).map((duration) => usedOf(it, duration)),
    String(it.totals.turns),
    `${it.totals.input} (${it.totals.cached})`,
    String(it.totals.output),
  ]);
  return inColumns([heads, ...rows]);
}

function stateOf({ available, reason, until }: ShownAccount, now: number): string {
  if (available) return 'yes';
  const why = passedOverWords(reason ?? '');
  return until === null ? `no: ${why}` : `no: ${why}, back in ${timeLeft(until, now)}`;
}

function usedOf({ windows }: ShownAccount, durationSeconds: number): string {
  const window = windows.find((it) => it.durationSeconds === durationSeconds);
  return window === undefined ? '-' : `${Math.round(window.usedRatio * 100)} %`;
}

/** Aligns columns of numbers to the right, others to the left. */
function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isNumeric = widths.map((_, column) => rows.slice(1).every((row) => /^[\d-]/.test(row[column] ?? '')));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
