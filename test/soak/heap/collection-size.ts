import type { HeapGraph } from './heap-graph.js';

const WORD = 8;
/** Words of a hash table before its buckets: map, length, then the counts of elements, deletions and buckets. */
const HEAD_WORDS = 5; // COUNTS included
const COUNTS = 3;
/** Entries per bucket of a hash table. */
const LOAD = 2;

/** An object with fewer properties is a record. Of a table, those beyond count, so that no size begins with a jump. */
const RECORD_PROPERTIES = 50;

/** Words of one entry: the key, the value of a map, the next entry of the bucket. */
const entryWords: Readonly<Record<string, number>> = { Map: 3, Set: 2 };

/** Entries of a map, a set, an array or an object that is used as a table; 0 for any other node. */
export function sizeOf(graph: HeapGraph, node: number): number {
  if (graph.typeOf(node) !== 'object') return 0;
  const name = graph.nameOf(node);
  const words = entryWords[name];
  if (words !== undefined) return entriesIn(graph, node, words);
  if (name === 'Array') return edges(graph, node, 'element');
  if (name !== 'Object') return 0;
  return Math.max(0, edges(graph, node, 'property') - RECORD_PROPERTIES);
}

function edges(graph: HeapGraph, node: number, wanted: string): number {
  let count = 0;
  for (const { type } of graph.edgesOf(node)) if (type === wanted) count += 1;
  return count;
}

/** A snapshot does not tell the size of a map, but which slots of its hash table hold objects (V8's OrderedHashTable). */
function entriesIn(graph: HeapGraph, node: number, words: number): number {
  let table = -1;
  for (const { type, name, to } of graph.edgesOf(node))
    if (type === 'internal' && name === 'table') table = to;
  if (table === -1) return 0;
  const buckets = Math.floor((graph.bytesOf(table) / WORD - HEAD_WORDS) / (1 + LOAD * words));
  const slots = new Set<number>();
  for (const { type, name, to } of graph.edgesOf(table)) {
    // A deleted entry stays until the table is rebuilt, as a hole, which is an object of the engine.
    if (type !== 'internal' || !/^\d+$/.test(name) || graph.typeOf(to) === 'hidden') continue;
    slots.add(Math.floor((Number(name) - buckets - COUNTS) / words));
  }
  // Small integers are no objects: a set of them shows only by the room of its table, which is at least a quarter full.
  return Math.max(slots.size, buckets > LOAD ? (buckets * LOAD) / 4 : 0);
}
