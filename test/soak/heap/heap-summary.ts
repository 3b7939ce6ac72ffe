import { sizeOf } from './collection-size.js';
import type { HeapGraph } from './heap-graph.js';

/** A heap by class and by collection. */
export interface HeapSummary {
  /** Bytes of all objects but compiled code, which the engine adds and drops as it likes. */
  readonly bytes: number;
  /** Objects by the name of their class; other kinds of node (strings, closures) in brackets. */
  readonly classes: ReadonlyMap<string, number>;
  /** Entries of maps, sets, arrays and tables, by their owner and the way from it to them. */
  readonly collections: ReadonlyMap<string, number>;
  /** For each class with a name of its own, its objects by their owner. */
  readonly owners: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const ofTheEngine = new Set(['code', 'hidden', 'object shape', 'synthetic', 'native']);
/** Classes whose names tell nothing about an object or an owner. */
const anonymous = new Set(['Object', 'Array', 'Map', 'Set', 'system / Context']);
/** Minified libraries (lru-cache is one) have names like this. */
const SHORT_NAME = 2;
const LONGEST_PATH = 16;

/** Whether a class has a name of its own. */
export const isNamed = (name: string): boolean =>
  !anonymous.has(name) && !name.startsWith('(') && name.length > SHORT_NAME;

export function heapSummary(graph: HeapGraph): HeapSummary {
  const parents = graph.parents();
  const classes = new Map<string, number>();
  const collections = new Map<string, number>();
  const owners = new Map<string, Map<string, number>>();
  let bytes = 0;
  for (let node = 0; node < graph.count; node += 1) {
    if (parents.nodes[node] === -1) continue; // not reachable but weakly: garbage
    const type = graph.typeOf(node);
    if (!ofTheEngine.has(type)) bytes += graph.bytesOf(node);
    const name = type === 'object' ? classOf(graph, node) : `(${type})`;
    add(classes, name, 1);
    const size = sizeOf(graph, node);
    if (size === 0 && !isNamed(name)) continue;
    const owner = ownerOf(graph, parents, node);
    if (size > 0) add(collections, owner, size);
    if (!isNamed(name)) continue;
    const known = owners.get(name) ?? new Map<string, number>();
    owners.set(name, known);
    add(known, owner, 1);
  }
  return { bytes, classes, collections, owners };
}

const add = (counts: Map<string, number>, name: string, by: number): unknown =>
  counts.set(name, (counts.get(name) ?? 0) + by);

/** A class name; that of a timer with what it calls. */
function classOf(graph: HeapGraph, node: number): string {
  const name = graph.nameOf(node);
  if (name !== 'Timeout') return name;
  for (const edge of graph.edgesOf(node)) {
    if (edge.name === '_onTimeout' && graph.typeOf(edge.to) === 'closure')
      return `Timeout of ${graph.nameOf(edge.to)}()`;
  }
  return 'cleared Timeout';
}

/** The owner of an object and the way to it, as in `SessionAffinity.#entries` or `remember()/seen[]`. */
function ownerOf(graph: HeapGraph, parents: ReturnType<HeapGraph['parents']>, node: number): string {
  let path = '';
  for (let at = node, steps = 0; steps < LONGEST_PATH; steps += 1) {
    const edge = parents.edges[at] ?? -1;
    if (edge === -1) break;
    const { type, name } = graph.edge(edge);
    if (type === 'property') path = `.${name}${path}`;
    else if (type === 'context') path = `/${name}${path}`;
    else if (type === 'element' || /^\d+$/.test(name)) path = `[]${path}`;
    at = parents.nodes[at] ?? -1;
    if (at <= 0) break;
    const [kind, owner] = [graph.typeOf(at), graph.nameOf(at)];
    if (kind === 'closure' && owner !== '') return `${owner}()${path}`;
    if (kind === 'object' && isNamed(owner)) return `${owner}${path}`;
  }
  return `?${path}`;
}
