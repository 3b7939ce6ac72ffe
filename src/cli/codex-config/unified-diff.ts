const CONTEXT_LINES = 3;

type Step = { readonly kind: ' ' | '-' | '+'; readonly line: string };

/** Returns a unified diff of two texts, as `patch` reads it; empty if they are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return '';
  const steps = stepsBetween(linesOf(before), linesOf(after));
  const lines = [`--- ${name}`, `+++ ${name}`];
  for (const [from, to] of hunksOf(steps)) lines.push(...hunk(steps, from, to));
  return `${lines.join('\n')}\n`;
}

/** Lines with their line breaks; only the last may have none. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The shortest way from one to the other (Myers 1986). Fast for few differences, which our changes always are. */
function stepsBetween(before: readonly string[], after: readonly string[]): Step[] {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; ; edits += 1) {
    trace.push(reach);
    const next = new Map(reach);
    for (let k = -edits; k <= edits; k += 2) {
      let x = comesDown(reach, k, edits) ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1;
      next.set(k, x);
      if (x >= before.length && x - k >= after.length) return wayBack(before, after, trace);
    }
    reach = next;
  }
}

function comesDown(reach: ReadonlyMap<number, number>, k: number, edits: number): boolean {
  return k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
}

function wayBack(
  before: readonly string[],
  after: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): Step[] {
  const steps: Step[] = [];
  let [x, y] = [before.length, after.length];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const reach = trace[edits] ?? new Map<number, number>();
    const k = x - y;
    const isDown = comesDown(reach, k, edits);
    const fromX = edits === 0 ? 0 : (reach.get(isDown ? k + 1 : k - 1) ?? 0);
    const fromY = edits === 0 ? 0 : fromX - (isDown ? k + 1 : k - 1);
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      steps.push({ kind: ' ', line: before[x] ?? '' });
    }
    if (edits === 0) break;
    if (isDown) steps.push({ kind: '+', line: after[fromY] ?? '' });
    else steps.push({ kind: '-', line: before[fromX] ?? '' });
    [x, y] = [fromX, fromY];
  }
  return steps.toReversed();
}

/** Ranges of steps: each change with its context; changes close to each other share one. */
function hunksOf(steps: readonly Step[]): [number, number][] {
  const hunks: [number, number][] = [];
  for (const [at, { kind }] of steps.entries()) {
    if (kind === ' ') continue;
    const [from, to] = [Math.max(0, at - CONTEXT_LINES), Math.min(steps.length, at + CONTEXT_LINES + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return hunks;
}

function hunk(steps: readonly Step[], from: number, to: number): string[] {
  const count = (part: readonly Step[], other: '+' | '-') => part.filter((it) => it.kind !== other).length;
  const shown = steps.slice(from, to);
  const range = (other: '+' | '-'): string => {
    const lines = count(shown, other);
    return `${count(steps.slice(0, from), other) + (lines === 0 ? 0 : 1)},${lines}`;
  };
  const lines = [`@@ -${range('+')} +${range('-')} @@`];
  for (const { kind, line } of shown) {
    lines.push(kind + line.replace(/\n$/, ''));
    if (!line.endsWith('\n')) lines.push('\\ No newline at end of file');
  }
  return lines;
}
