import type { Range } from './config-document.js';

/** A value of ours in the place of another one. */
export interface ReplacedValue {
  readonly kind: 'replaced';
  /** Header of its table; empty above the first header. */
  readonly table: readonly string[];
  readonly key: string;
  /** Source text of the value before, and of ours. */
  readonly old: string;
  readonly ours: string;
}

/** Lines of ours that were not in the file before. */
export interface InsertedLines {
  readonly kind: 'inserted';
  readonly table: readonly string[];
  /** Every character inserted, line breaks included. */
  readonly text: string;
  /** Our keys in them, with the source text of each value. */
  readonly values: Readonly<Record<string, string>>;
}

/** One change that `setup` makes, with all that `undo` needs to take it back. */
export type ConfigChange = ReplacedValue | InsertedLines;

/** A text in the place of a range. */
export interface Edit {
  readonly range: Range;
  readonly text: string;
}

/** Applies edits that do not overlap. Edits at the same place keep their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { range, text: part } of edits.toSorted((one, other) => one.range[0] - other.range[0])) {
    parts.push(text.slice(at, range[0]), part);
    at = range[1];
  }
  return [...parts, text.slice(at)].join('');
}
