import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readHeapGraph } from './heap/heap-graph.js';
import { heapSummary } from './heap/heap-summary.js';

const sample = fileURLToPath(new URL('heap/sample.mjs', import.meta.url));

describe('the summary of a heap snapshot', () => {
  it('gives the size of each collection under its owner, and what a class or a timer is held by', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-heap-'));
    try {
      const path = join(folder, 'sample.heapsnapshot');
      await promisify(execFile)(process.execPath, [sample, path]);
      const { classes, collections, owners } = heapSummary(await readHeapGraph(path));
      const sizes = [
        '#byName',
        'names',
        'list',
        'shrunk',
        'table',
        'nested',
        'nested[]',
        '_events.event',
      ].map((it) => [it, collections.get(`Holder.${it}`)]);
      expect(Object.fromEntries(sizes)).toEqual({
        '#byName': 1_000,
        names: 300,
        list: 500,
        shrunk: 60,
        table: 31, // with its prototype
        nested: 1,
        'nested[]': 80,
        '_events.event': 9,
      });
      // Its keys and values are no objects: only the room of its table shows, for 512 to 2,048 entries.
      expect(collections.get('Holder.counts')).toBeGreaterThanOrEqual(256);
      expect(classes.get('Item')).toBe(20);
      expect(Object.fromEntries(owners.get('Item') ?? [])).toEqual({ 'Holder.items[]': 20 });
      expect(classes.get('Timeout of leftBehind()')).toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
