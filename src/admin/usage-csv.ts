import type { UsageView } from '../api/usage.js';

const SUMS = ['turns', 'input', 'cached', 'output', 'reasoning'] as const;

/** Makes a table (RFC 4180) of the groups of a usage report, or of its buckets if it has none. The first row names the columns. */
export function usageCsv({ groups, hours, costNote }: UsageView): string {
  if (groups === undefined) {
    return tableOf([
      ['at', 'day', ...SUMS],
      ...hours.map((it) => [new Date(it.at).toISOString(), it.day ?? '', ...SUMS.map((name) => it[name])]),
    ]);
  }
  const cost = costNote === undefined ? [] : [`cost in USD (${costNote})`];
  return tableOf([
    ['key', 'name', ...SUMS, 'resent', ...cost],
    ...groups.map((it) => [
      it.key,
      it.name ?? '',
      ...SUMS.map((name) => it[name]),
      it.resent,
      ...(costNote === undefined ? [] : [it.cost ?? '']),
    ]),
  ]);
}

function tableOf(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => `${row.map(cellOf).join(',')}\r\n`).join('');
}

/** A spreadsheet would run a text that begins like a formula; an apostrophe in front of it makes it a text. */
function cellOf(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
