import { CommandError } from '../command/command-error.js';
import { applyEdits, type ConfigChange, type Edit } from './config-change.js';
import { type ConfigDocument, type Entry, hasValue, samePath } from './config-document.js';
import { lineBreakOf } from './config-text.js';
import type { WantedKey } from './wanted-keys.js';

/** Comment of ours above our lines. */
export const COMMENT = '# Codex works through codex-pool; `codex-pool undo` takes this back.';

/** The changes that a config needs, and its text with them. */
export interface SetupPlan {
  readonly changes: readonly ConfigChange[];
  readonly text: string;
}

/**
 * Plans the changes that give a config the wanted keys; none if it has them. Every other character stays.
 * @throws CommandError if the file has one of the keys in a form that cannot be edited safely
 */
export function planSetup(document: ConfigDocument, wanted: readonly WantedKey[]): SetupPlan {
  for (const it of wanted) refuseConflict(document, it);
  const changes: ConfigChange[] = [];
  const edits: Edit[] = [];
  const missing: WantedKey[] = [];
  for (const it of wanted) {
    const { table, key, value } = it;
    const entry = document.entry(table, key);
    if (entry === null) {
      if (!it.onlyIfPresent) missing.push(it);
    } else if (!hasValue(entry, value)) {
      changes.push({ kind: 'replaced', table, key, old: entry.source, ours: value });
      edits.push({ range: entry.value, text: value });
    }
  }
  for (const table of tablesOf(missing)) {
    const keys = missing.filter((it) => samePath(it.table, table));
    const { offset, text } = insertion(document, table, keys, edits.length > 0);
    changes.push({
      kind: 'inserted',
      table,
      text,
      values: Object.fromEntries(keys.map((it) => [it.key, it.value])),
    });
    edits.push({ range: [offset, offset], text });
  }
  if (changes.length > 0 && !changes.some((it) => it.kind === 'inserted')) {
    const { offset, text } = commentAlone(document, edits);
    changes.push({ kind: 'inserted', table: [], text, values: {} });
    edits.unshift({ range: [offset, offset], text });
  }
  return { changes, text: applyEdits(document.text, edits) };
}

function tablesOf(keys: readonly WantedKey[]): (readonly string[])[] {
  const tables: (readonly string[])[] = [];
  for (const { table } of keys) if (!tables.some((it) => samePath(it, table))) tables.push(table);
  return tables;
}

/** Where the missing keys of a table go: after its last entry, else below its header, else at the top or the end of the file. */
function insertion(
  document: ConfigDocument,
  table: readonly string[],
  keys: readonly WantedKey[],
  hasEdits: boolean,
): { offset: number; text: string } {
  const lines = [COMMENT, ...keys.map((it) => `${it.key} = ${it.value}`)];
  const { text } = document;
  if (table.length === 0) {
    const last = document.root.at(-1);
    return last === undefined ? atTop(text, lines) : below(text, last.range[1], lines);
  }
  const existing = document.table(table);
  if (existing !== null) return below(text, existing.entries.at(-1)?.range[1] ?? existing.header[1], lines);
  return atEnd(text, [COMMENT, headerOf(table), ...lines.slice(1)], hasEdits);
}

function headerOf(table: readonly string[]): string {
  return `[${table.join('.')}]`;
}

/** Inserts below the line that ends after `offset`, where only a comment can follow. */
function below(text: string, offset: number, lines: readonly string[]): { offset: number; text: string } {
  const eol = lineBreakOf(text);
  const end = text.indexOf('\n', offset);
  if (end === -1) return { offset: text.length, text: lines.map((it) => eol + it).join('') };
  return { offset: end + 1, text: lines.map((it) => it + eol).join('') };
}

/** Inserts above everything but a schema directive, which editors read in the first line only. */
function atTop(text: string, lines: readonly string[]): { offset: number; text: string } {
  const eol = lineBreakOf(text);
  const directive = /^#:[^\n]*(?:\n|$)/.exec(text)?.[0] ?? '';
  const offset = directive.length;
  if (directive !== '' && !directive.endsWith('\n')) return below(text, 0, lines);
  const rest = text.slice(offset);
  const gap = rest === '' || /^\r?\n/.test(rest) ? '' : eol;
  return { offset, text: lines.map((it) => it + eol).join('') + gap };
}

/** Inserts after everything, with an empty line between; a file without a final line break stays so. */
function atEnd(text: string, lines: readonly string[], hasEdits: boolean): { offset: number; text: string } {
  const eol = lineBreakOf(text);
  const offset = text.length;
  if (text !== '' && !text.endsWith('\n'))
    return { offset, text: eol + lines.map((it) => eol + it).join('') };
  const gap = text === '' && !hasEdits ? '' : eol;
  return { offset, text: gap + lines.map((it) => it + eol).join('') };
}

/** Inserts the comment above the first line that gets a value of ours. */
function commentAlone(document: ConfigDocument, edits: readonly Edit[]): { offset: number; text: string } {
  const { text } = document;
  const first = Math.min(...edits.map((it) => it.range[0]));
  const entry = document.entries.find((it) => it.value[0] === first);
  const offset = text.lastIndexOf('\n', (entry?.range[0] ?? first) - 1) + 1;
  return { offset, text: COMMENT + lineBreakOf(text) };
}

/** Refuses a file that defines a wanted key, or its table, in another form than `key = value` below a header. */
function refuseConflict(document: ConfigDocument, { table, key }: WantedKey): void {
  const path = [...table, key];
  for (const it of document.entries) {
    const isOurs = samePath(it.path, path) && it.depth === table.length;
    if (isOurs && !it.isInlineTable) continue;
    // A key in the way defines the wanted one, something in it, or a table on the way to it, without a header.
    const isBelow = startsWith(it.path, path);
    const isAbove = startsWith(path, it.path);
    const isDotted =
      it.depth < table.length && startsWith(it.path, table.slice(0, it.depth + 1)) && table.length > 0;
    if (isBelow || isAbove || isDotted) throw conflict(document, it.range[0], shown(it), path);
  }
  for (const it of document.tables) {
    const names = it.path;
    const isArrayOnTheWay =
      it.isArray &&
      startsWith(
        table,
        names.filter((name) => typeof name === 'string'),
      );
    if (startsWith(names, path) || isArrayOnTheWay) {
      throw conflict(document, it.header[0], document.text.slice(...it.header), path);
    }
  }
}

function startsWith(path: readonly (string | number)[], start: readonly (string | number)[]): boolean {
  return start.length <= path.length && start.every((it, at) => it === path[at]);
}

function shown(entry: Entry): string {
  const key = entry.path.slice(entry.depth).join('.');
  return entry.isInlineTable ? `${key} = { … }` : `${key} = …`;
}

function conflict(
  document: ConfigDocument,
  offset: number,
  found: string,
  path: readonly string[],
): CommandError {
  return new CommandError(
    `Line ${document.lineAt(offset)} of config.toml, \`${found.slice(0, 80)}\`, is in the way of ${path.join('.')}, and this form is not edited automatically. Write it as a [table] of its own, or remove it, then run \`codex-pool setup\` again. Nothing was changed.`,
  );
}
