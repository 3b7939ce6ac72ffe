import { applyEdits, type ConfigChange, type Edit, type InsertedLines } from './config-change.js';
import { ConfigDocument, hasValue, type Range } from './config-document.js';
import { COMMENT } from './plan-setup.js';

/** A key that `undo` leaves as it is, because it was changed or deleted after the setup. */
export interface KeptKey {
  readonly name: string;
  readonly why: 'changed' | 'deleted';
}

/** The config without our changes. */
export interface UndoPlan {
  readonly document: ConfigDocument;
  readonly kept: readonly KeptKey[];
}

/**
 * Takes back every change that still has our value. `generations`: the changes of the last setup, then those
 * of an earlier one that may still be in the file because the last was killed.
 */
export function planUndo(
  current: ConfigDocument,
  generations: readonly (readonly ConfigChange[])[],
): UndoPlan {
  let document = current;
  const edit = (edits: readonly Edit[]): void => {
    if (edits.length > 0) document = ConfigDocument.parse(current.path, applyEdits(document.text, edits));
  };
  // Untouched lines of any generation first: the remains of one could be parts of another's lines.
  const lost: InsertedLines[] = [];
  for (const changes of generations) {
    const edits: Edit[] = [];
    for (const it of changes) {
      const found = editOf(document, it);
      if (found !== null) edits.push(found);
      else if (it.kind === 'inserted') lost.push(it);
    }
    edit(edits);
  }
  for (const it of lost) edit(withoutOverlaps(remains(document, it).map((range) => ({ range, text: '' }))));
  return { document, kept: keptIn(document, generations.flat()) };
}

/** The edit that takes back a change, or null if the file does not have it as we wrote it. */
function editOf(document: ConfigDocument, change: ConfigChange): Edit | null {
  if (change.kind === 'inserted') {
    const range = untouched(document, change);
    return range === null ? null : { range, text: '' };
  }
  const entry = document.entry(change.table, change.key);
  const isOurs = entry !== null && hasValue(entry, change.ours);
  return isOurs ? { range: entry.value, text: change.old } : null;
}

/** The range of the inserted lines, if they stand in the file once, unchanged and with the same meaning. */
function untouched(document: ConfigDocument, change: InsertedLines): Range | null {
  const { text } = document;
  const start = text.indexOf(change.text);
  const end = start + change.text.length;
  if (start === -1 || text.includes(change.text, start + 1)) return null;
  const isWhole =
    (start === 0 || at(text, start - 1) || at(text, start)) && (at(text, end - 1) || at(text, end));
  const isInside = ([from, to]: Range): boolean => from >= start && to <= end;
  const hasComment = document.comments.some((it) => isInside(it) && document.text.slice(...it) === COMMENT);
  const hasKeys = Object.keys(change.values).every((key) => {
    const entry = document.entry(change.table, key);
    return entry !== null && isInside(entry.range);
  });
  // Below our header, lines of others would fall to the table before.
  const hasOthers =
    hasOwnHeader(change) && document.table(change.table)?.entries.some((it) => !isInside(it.range));
  return isWhole && hasComment && hasKeys && hasOthers !== true ? [start, end] : null;
}

function hasOwnHeader({ table, text }: InsertedLines): boolean {
  return table.length > 0 && text.includes(`[${table.join('.')}]`);
}

/** Whether a line break or the end of the text is there. */
function at(text: string, offset: number): boolean {
  return offset >= text.length || /^\r?\n/.test(text.slice(offset, offset + 2));
}

/** The ranges of those inserted lines that are still ours. */
function remains(document: ConfigDocument, change: InsertedLines): Range[] {
  const { table, values } = change;
  const { text } = document;
  const ours = Object.entries(values)
    .map(([key, value]) => ({ value, entry: document.entry(table, key) }))
    .flatMap(({ value, entry }) => (entry !== null && hasValue(entry, value) ? [entry] : []));
  const ranges = ours.map((it) => lineOf(text, it.range));
  const below = document.table(table);
  if (below !== null && hasOwnHeader(change) && below.entries.every((it) => ours.includes(it))) {
    ranges.push(lineOf(text, below.header));
  }
  const comments = document.comments.filter((it) => text.slice(...it) === COMMENT);
  return [...ranges, ...comments.map((it) => lineOf(text, it))];
}

/** A range with its whole line, if nothing else stands there. */
function lineOf(text: string, [from, to]: Range): Range {
  const start = text.lastIndexOf('\n', Math.max(0, from - 1)) + 1;
  const next = text.indexOf('\n', to);
  const end = next === -1 ? text.length : next + 1;
  const isAlone = start <= from && (text.slice(start, from) + text.slice(to, end)).trim() === '';
  return isAlone ? [start, end] : [from, to];
}

/** Keeps of overlapping edits the first: a comment may be found by several changes. */
function withoutOverlaps(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = [];
  const byPlace = edits.toSorted(
    (one, other) => one.range[0] - other.range[0] || other.range[1] - one.range[1],
  );
  for (const it of byPlace) if (it.range[0] >= (kept.at(-1)?.range[1] ?? 0)) kept.push(it);
  return kept;
}

/** Every changed key that is neither as before the setup nor as some setup has left it. */
function keptIn(document: ConfigDocument, changes: readonly ConfigChange[]): KeptKey[] {
  const before = new Map<string, { table: readonly string[]; key: string; sources: (string | null)[] }>();
  const remember = (table: readonly string[], key: string, source: string | null): void => {
    const name = [...table, key].join('.');
    const known = before.get(name) ?? { table, key, sources: [] };
    known.sources.push(source);
    before.set(name, known);
  };
  for (const change of changes) {
    if (change.kind === 'replaced') remember(change.table, change.key, change.old);
    else for (const key of Object.keys(change.values)) remember(change.table, key, null);
  }
  return [...before].flatMap(([name, { table, key, sources }]): KeptKey[] => {
    const source = document.entry(table, key)?.source ?? null;
    return sources.includes(source) ? [] : [{ name, why: source === null ? 'deleted' : 'changed' }];
  });
}
