/** Most edits between two names that are taken for the same one; fewer for short names. */
const mostEdits = (name: string) => Math.min(3, Math.floor(name.length / 4));

/**
 * Returns a sentence for each variable that looks like a misspelled setting: it begins as one, and is close to a name
 * that is not set. Other variables may belong to other programs.
 */
export function misspelledSettings(names: readonly string[], settings: readonly string[]): string[] {
  const given = new Set(names);
  const unknown = names.filter((it) => /^(?:PROXY|POOL|UPSTREAM)_/i.test(it) && !settings.includes(it));
  return unknown.flatMap((name) => {
    const [closest] = settings
      .filter((it) => !given.has(it))
      .map((it) => ({ name: it, edits: editsBetween(name.toUpperCase(), it) }))
      .toSorted((a, b) => a.edits - b.edits);
    if (closest === undefined || closest.edits > mostEdits(name)) return [];
    return [`${name.slice(0, 80)} is no setting; perhaps ${closest.name} is meant`];
  });
}

/** Levenshtein's distance. */
function editsBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [row, letter] of one.split('').entries()) {
    const line = [row + 1];
    for (let at = 1; at <= other.length; at += 1) {
      const swap = (above[at - 1] ?? 0) + (other[at - 1] === letter ? 0 : 1);
      line.push(Math.min(swap, (above[at] ?? 0) + 1, (line[at - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
