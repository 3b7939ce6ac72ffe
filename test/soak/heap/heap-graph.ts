import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const names = z.array(z.string());
const snapshotSchema = z.object({
  snapshot: z.object({
    meta: z.object({
      node_fields: names,
      node_types: z.tuple([names]).rest(z.unknown()),
      edge_fields: names,
      edge_types: z.tuple([names]).rest(z.unknown()),
    }),
  }),
  // Millions of numbers: `z.array(z.number())` would take minutes.
  nodes: z.custom<readonly number[]>(Array.isArray),
  edges: z.custom<readonly number[]>(Array.isArray),
  strings: z.custom<readonly string[]>(Array.isArray),
});

/** A reference from one node to another. `name` is a property, a variable or an index. */
export interface Edge {
  readonly type: string;
  readonly name: string;
  readonly to: number;
}

/** Reads a heap snapshot as V8 writes it. */
export async function readHeapGraph(path: string): Promise<HeapGraph> {
  return new HeapGraph(snapshotSchema.parse(JSON.parse(await readFile(path, 'utf8'))));
}

/** The objects of a heap snapshot, by number, and their references. */
export class HeapGraph {
  readonly count: number;
  readonly #nodes: readonly number[];
  readonly #edges: readonly number[];
  readonly #strings: readonly string[];
  readonly #nodeTypes: readonly string[];
  readonly #edgeTypes: readonly string[];
  readonly #node: {
    readonly size: number;
    readonly type: number;
    readonly name: number;
    readonly bytes: number;
  };
  readonly #edge: {
    readonly size: number;
    readonly type: number;
    readonly name: number;
    readonly to: number;
  };
  /** The first edge of each node; one more entry than nodes. */
  readonly #firstEdge: Int32Array;

  constructor({ snapshot: { meta }, nodes, edges, strings }: z.infer<typeof snapshotSchema>) {
    const { node_fields: nodeFields, edge_fields: edgeFields } = meta;
    [this.#nodes, this.#edges, this.#strings] = [nodes, edges, strings];
    [this.#nodeTypes] = meta.node_types;
    [this.#edgeTypes] = meta.edge_types;
    this.#node = {
      size: nodeFields.length,
      type: nodeFields.indexOf('type'),
      name: nodeFields.indexOf('name'),
      bytes: nodeFields.indexOf('self_size'),
    };
    this.#edge = {
      size: edgeFields.length,
      type: edgeFields.indexOf('type'),
      name: edgeFields.indexOf('name_or_index'),
      to: edgeFields.indexOf('to_node'),
    };
    this.count = nodes.length / nodeFields.length;
    this.#firstEdge = new Int32Array(this.count + 1);
    const edgeCount = nodeFields.indexOf('edge_count');
    for (let node = 0, first = 0; node < this.count; node += 1) {
      first += nodes[node * nodeFields.length + edgeCount] ?? 0;
      this.#firstEdge[node + 1] = first;
    }
  }

  typeOf(node: number): string {
    return this.#nodeTypes[this.#field(node, this.#node.type)] ?? '';
  }

  nameOf(node: number): string {
    return this.#strings[this.#field(node, this.#node.name)] ?? '';
  }

  bytesOf(node: number): number {
    return this.#field(node, this.#node.bytes);
  }

  *edgesOf(node: number): Generator<Edge> {
    const end = this.#firstEdge[node + 1] ?? 0;
    for (let edge = this.#firstEdge[node] ?? 0; edge < end; edge += 1) yield this.edge(edge);
  }

  /** A reference by its number, see `parents`. */
  edge(edge: number): Edge {
    const at = edge * this.#edge.size;
    const type = this.#edgeTypes[this.#edges[at + this.#edge.type] ?? 0] ?? '';
    const name = this.#edges[at + this.#edge.name] ?? 0;
    const isIndex = type === 'element' || type === 'hidden';
    const to = (this.#edges[at + this.#edge.to] ?? 0) / this.#node.size;
    return { type, name: isIndex ? String(name) : (this.#strings[name] ?? ''), to };
  }

  /** By node: the last reference on its shortest path from the root, and the node that refers to it; -1 without a path. */
  parents(): { readonly edges: Int32Array; readonly nodes: Int32Array } {
    const edges = new Int32Array(this.count).fill(-1);
    const nodes = new Int32Array(this.count).fill(-1);
    const queue = new Int32Array(this.count);
    let end = 1; // the queue starts with the root, node 0
    const weak = this.#edgeTypes.indexOf('weak');
    for (let at = 0; at < end; at += 1) {
      const node = queue[at] ?? 0;
      const last = this.#firstEdge[node + 1] ?? 0;
      for (let edge = this.#firstEdge[node] ?? 0; edge < last; edge += 1) {
        const start = edge * this.#edge.size;
        if (this.#edges[start + this.#edge.type] === weak) continue;
        const to = (this.#edges[start + this.#edge.to] ?? 0) / this.#node.size;
        if (to === 0 || nodes[to] !== -1) continue;
        nodes[to] = node;
        edges[to] = edge;
        queue[end++] = to;
      }
    }
    return { edges, nodes };
  }

  #field(node: number, field: number): number {
    return this.#nodes[node * this.#node.size + field] ?? 0;
  }
}
