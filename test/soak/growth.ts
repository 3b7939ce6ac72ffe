import { fillableOf } from './fillable-tables.js';
import { isNamed } from './heap/heap-summary.js';
import type { ProgramFigures } from './program-figures.js';

/**
 * Objects and entries that come and go without a leak: another label of a metric, another compiled schema, a folder
 * that is being watched. Something that is left behind once per turn, client or file change exceeds it in three
 * minutes; once per login or stall of the database, in twenty.
 */
const SLACK = 25;
const SLACK_RATIO = 0.03;

/** Bytes that V8 keeps or frees as it likes: strings, feedback for its compiler, buffers. As measured, half of it. */
const HEAP_SLACK = 1_000_000;
/** Names in each line of the report. */
const MAX_NAMES = 15;

type Counts = ReadonlyMap<string, number>;

/** A number that has grown. */
interface Grown {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

export interface Growth {
  /** Everything that has grown beyond its bound; empty if the program holds what it held before. */
  readonly leaks: readonly string[];
  readonly report: string;
}

/** Compares two measurements at rest. */
export function growthBetween(before: ProgramFigures, after: ProgramFigures): Growth {
  const collections = grown(before.heap.collections, after.heap.collections);
  const classes = grown(before.heap.classes, after.heap.classes);
  const filled = collections.map((it) => (it.after - it.before) * (fillableOf(it.name)?.bytesPerEntry ?? 0));
  const allowed = filled.reduce((total, it) => total + it, HEAP_SLACK);
  const leaks = [
    ...exactly('open files and connections', before.handles, after.handles),
    ...exactly('resources of the event loop', before.resources, after.resources),
    ...exactly('listeners on the process', before.listeners, after.listeners),
    ...collections.filter(isTooMany).map((it) => `collection ${textOf(it)}`),
    ...classes
      .filter((it) => isNamed(it.name) && isTooMany(it))
      .map((it) => `class ${textOf(it)}, held by ${holders(it.name, before, after)}`),
    ...moreBytes('the heap, without code', before.heap.bytes, after.heap.bytes, allowed),
    ...moreBytes('outside the heap', before.external, after.external, HEAP_SLACK),
  ];
  const report = [
    `  heap in use after a collection ${mb(before.heapUsed)}, then ${mb(after.heapUsed)}; without code ${mb(before.heap.bytes)}, then ${mb(after.heap.bytes)} (${mb(allowed)} more allowed); outside it ${mb(before.external)}, then ${mb(after.external)}`,
    `  open: ${list(after.handles)}`,
    `  event loop: ${list(after.resources)}; listeners on the process: ${sum(before.listeners)}, then ${sum(after.listeners)}`,
    `  collections that grew: ${names(collections)}`,
    `  classes that grew: ${names(classes)}`,
  ].join('\n');
  return { leaks, report };
}

function isTooMany({ name, before, after }: Grown): boolean {
  const table = fillableOf(name);
  if (table !== undefined) return after > table.most;
  return after - before > SLACK + before * SLACK_RATIO;
}

function moreBytes(what: string, before: number, after: number, allowed: number): string[] {
  return after - before <= allowed
    ? []
    : [`${what}: ${mb(after - before)} more, ${mb(allowed)} more are allowed`];
}

function grown(before: Counts, after: Counts): Grown[] {
  return [...after]
    .map(([name, count]) => ({ name, before: before.get(name) ?? 0, after: count }))
    .filter((it) => it.after > it.before)
    .toSorted((a, b) => b.after - b.before - (a.after - a.before));
}

/** Kinds of which there must not be one more. */
function exactly(
  what: string,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string[] {
  return grown(mapOf(before), mapOf(after)).map((it) => `${what}: ${textOf(it)}`);
}

/** The owners of most of the new objects of a class. */
function holders(name: string, before: ProgramFigures, after: ProgramFigures): string {
  const [old, now] = [before, after].map((it) => it.heap.owners.get(name) ?? new Map<string, number>());
  return names(grown(old ?? new Map(), now ?? new Map()).slice(0, 3));
}

const mapOf = (counts: Readonly<Record<string, number>>): Counts => new Map(Object.entries(counts));
const textOf = ({ name, before, after }: Grown): string => `${name}: ${before} → ${after}`;
const names = (all: readonly Grown[]): string => all.slice(0, MAX_NAMES).map(textOf).join(', ') || 'none';
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, it) => total + it, 0);
const list = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
