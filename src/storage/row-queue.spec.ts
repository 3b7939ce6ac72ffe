import { describe, expect, it } from 'vitest';
import { RowQueue } from './row-queue.js';
import type { StoredTable } from './stored-table.js';

interface Row {
  readonly id: number;
}

const rowOf = (id: number): Row => ({ id });

/** A queue into which rows 1 to `count` were added. */
function filled(bound: number, count: number, isKeyed = false) {
  const table: StoredTable<Row> = {
    kind: 'row',
    entities: [],
    bound,
    ...(isKeyed ? { keyOf: (row: Row) => String(row.id) } : {}),
    write: async () => undefined,
  };
  const lost: string[] = [];
  const queue = new RowQueue(table, (kind) => lost.push(kind));
  for (let id = 1; id <= count; id += 1) queue.add(rowOf(id));
  return { queue, lost };
}

const rows = (...ids: number[]) => ids.map(rowOf);

describe('a queue of rows', () => {
  it('keeps the order, and returns the oldest rows without removing them', () => {
    const { queue, lost } = filled(5, 4);
    expect(queue.first(2)).toEqual(rows(1, 2));
    expect(queue.first(9)).toEqual(rows(1, 2, 3, 4));
    expect(queue.size).toBe(4);
    expect(lost).toEqual([]);
  });

  it('fills up to its bound without a loss', () => {
    const { queue, lost } = filled(5, 5);
    expect(queue.size).toBe(5);
    expect(lost).toEqual([]);
  });

  it('drops the oldest above its bound, and reports each loss', () => {
    const { queue, lost } = filled(5, 7);
    expect(queue.first(9)).toEqual(rows(3, 4, 5, 6, 7));
    expect(lost).toEqual(['row', 'row']);
  });

  it('keeps rows that were not part of the batch', () => {
    const { queue } = filled(5, 4);
    const batch = queue.first(3);
    queue.add(rowOf(5));
    queue.remove(batch);
    expect(queue.first(9)).toEqual(rows(4, 5));
  });

  it('removes the rest of a batch whose oldest rows were dropped meanwhile, and nothing else', () => {
    const { queue, lost } = filled(3, 3);
    const batch = queue.first(2);
    for (const id of [4, 5, 6]) queue.add(rowOf(id));
    queue.remove(batch);
    expect(queue.first(9)).toEqual(rows(4, 5, 6));
    expect(lost).toHaveLength(3);
  });

  it('keeps equal rows of a table without keys apart', () => {
    const { queue } = filled(5, 1);
    queue.add(rowOf(1));
    expect(queue.size).toBe(2);
  });

  it('replaces a row by a newer one with its key, and moves it to the end', () => {
    const { queue, lost } = filled(3, 3, true);
    queue.add(rowOf(1));
    expect(queue.first(9)).toEqual(rows(2, 3, 1));
    expect(lost).toEqual([]);
  });

  it('keeps a row that replaced one of the batch', () => {
    const { queue } = filled(5, 3, true);
    const batch = queue.first(9);
    queue.add(rowOf(2));
    queue.remove(batch);
    expect(queue.first(9)).toEqual(rows(2));
  });
});
