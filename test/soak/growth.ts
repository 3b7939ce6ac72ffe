import { limits } from '../../src/config/limits.js';
import { isNamed } from './heap/heap-summary.js';
import type { ProgramFigures } from './program-figures.js';

/**
 * Objects and entries that come and go without a leak: another label of a metric, another compiled schema, a folder
 * that is being watched. Something that is left behind once per turn, client or file change exceeds it in three
 * minutes; once per login or stall of the database, in twenty.
 */
const SLACK = 25;
const SLACK_RATIO = 0.03;

/** Entries of a request record: its candidates are all accounts. */
const ENTRIES_PER_RECORD = 20;
const records = limits.requestLogEntries;

/** What may still fill to its bound, by the beginning of its name. ARCHITECTURE.md, law 12. */
const bounds: readonly (readonly [string, number])[] = [
  ['SessionAffinity.entries', limits.affinitySessions], // sessions begin all the time
  ['PinTable.pins.response', limits.pins], // each response on a WebSocket pins its id
  ['PinTable.pins.turnState', limits.pins],
  ['RequestLog.requests', records],
  ['RequestRecord', records * ENTRIES_PER_RECORD],
  ['Logins.entries', limits.logins],
  ['RecentErrors.errors', limits.recentErrors],
];

/** Bytes of objects that V8 keeps or frees as it likes (strings, feedback of its compiler), as measured. */
const HEAP_SLACK = 1_000_000;
/** Bytes of an entry of a table that may fill, with its strings. */
const BYTES_PER_ENTRY = 1_000;
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
  const filled = collections.filter((it) => boundOf(it.name) !== null);
  const entries = filled.reduce((sum, it) => sum + it.after - it.before, 0);
  const heapGrowth = after.heap.bytes - before.heap.bytes;
  const heapAllowed = HEAP_SLACK + entries * BYTES_PER_ENTRY;
  const leaks = [
    ...exactly('open files and connections', before.handles, after.handles),
    ...exactly('resources of the event loop', before.resources, after.resources),
    ...exactly('listeners on the process', before.listeners, after.listeners),
    ...collections.filter(isTooMany).map((it) => `collection ${textOf(it)}`),
    ...classes
      .filter((it) => isNamed(it.name) && isTooMany(it))
      .map((it) => `class ${textOf(it)}, held by ${holders(it.name, before, after)}`),
    ...(heapGrowth > heapAllowed ? [`heap: ${mb(heapGrowth)} more, ${mb(heapAllowed)} allowed`] : []),
  ];
  const report = [
    `  heap in use after a collection ${mb(before.heapUsed)}, then ${mb(after.heapUsed)}; without code ${mb(before.heap.bytes)}, then ${mb(after.heap.bytes)} (${mb(heapAllowed)} more allowed); outside it ${mb(before.external)}, then ${mb(after.external)}`,
    `  open: ${list(after.handles)}`,
    `  event loop: ${list(after.resources)}; listeners on the process: ${sum(before.listeners)}, then ${sum(after.listeners)}`,
    `  collections that grew: ${names(collections)}`,
    `  classes that grew: ${names(classes)}`,
  ].join('\n');
  return { leaks, report };
}

const boundOf = (name: string): number | null => bounds.find(([it]) => name.startsWith(it))?.[1] ?? null;

function isTooMany({ name, before, after }: Grown): boolean {
  const bound = boundOf(name);
  if (bound !== null) return after > bound;
  return after - before > SLACK + before * SLACK_RATIO;
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
