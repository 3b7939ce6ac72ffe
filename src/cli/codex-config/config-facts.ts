import type { ConfigChange } from './config-change.js';
import type { ConfigDocument, Range } from './config-document.js';

import type { WantedKey } from './wanted-keys.js';

/**
 * Whether two configs differ in nothing but these keys: all other entries, headers and comments stand in both, in the
 * same order. `ours`: paths of keys and tables, joined by dots; comments of ours are not compared.
 */
export function differOnlyIn(
  before: ConfigDocument,
  after: ConfigDocument,
  ours: ReadonlySet<string>,
  comment: string,
): boolean {
  return factsOf(before, ours, comment) === factsOf(after, ours, comment);
}

function factsOf(document: ConfigDocument, ours: ReadonlySet<string>, comment: string): string {
  const isForeign = (path: readonly (string | number)[]): boolean => !ours.has(path.join('.'));
  const own = document.entries.filter((it) => !isForeign(it.path)).map((it) => it.value);
  const isInOwn = ([from, to]: Range): boolean => own.some((it) => from >= it[0] && to <= it[1]);
  return JSON.stringify([
    document.entries.filter((it) => isForeign(it.path)).map((it) => [it.path, it.depth, it.source]),
    document.tables.filter((it) => isForeign(it.path)).map((it) => [it.path, it.isArray]),
    document.comments
      .filter((it) => !isInOwn(it))
      .map((it) => document.text.slice(...it))
      .filter((it) => it !== comment),
  ]);
}

/** The paths of all keys that changes concern, and of their tables, joined by dots. */
export function pathsOf(changes: readonly (WantedKey | ConfigChange)[]): Set<string> {
  const paths = new Set<string>();
  for (const it of changes) {
    const keys = 'key' in it ? [it.key] : Object.keys(it.values);
    for (const key of keys) paths.add([...it.table, key].join('.'));
    if (it.table.length > 0) paths.add(it.table.join('.'));
  }
  return paths;
}
