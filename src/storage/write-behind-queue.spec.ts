import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import type { StoredTable } from './stored-table.js';
import { halvesOf, WriteBehindQueue } from './write-behind-queue.js';

interface Row {
  readonly id: string;
}

const tableOf = (kind: string, bound: number): StoredTable<Row> => ({
  kind,
  entities: [],
  bound,
  write: async () => undefined,
});

const rows = (text: string) => text.split('').map((id) => ({ id }));

describe('the halves of a batch', () => {
  it('have all its rows once, in order, and none is empty', () => {
    const [first, second] = [tableOf('first', 9), tableOf('second', 9)];
    for (const [of, ...halves] of [
      ['ab|c', 'a', 'b|c'],
      ['a|bc', 'a', '|bc'],
      ['abcd', 'ab', 'cd'],
      ['|ab', '|a', '|b'],
    ]) {
      const batch = (text = '') =>
        text
          .split('|')
          .flatMap((it, at) => (it === '' ? [] : [{ table: at === 0 ? first : second, rows: rows(it) }]));
      expect(halvesOf(batch(of))).toEqual(halves.map(batch));
    }
    expect(halvesOf([{ table: first, rows: rows('a') }])).toBeNull();
  });
});

describe('the write-behind queue', () => {
  it('returns a batch in the order of the tables, limited per table, without empty tables', () => {
    const [first, empty, second] = [tableOf('first', 9_999), tableOf('empty', 1), tableOf('second', 1)];
    const queue = new WriteBehindQueue([first, empty, second], () => undefined);
    queue.add(second, { id: 'b' });
    for (let i = 0; i < limits.writeBatch + 1; i += 1) queue.add(first, { id: `a${i}` });
    const batch = queue.batch();
    expect(batch.map((it) => [it.table.kind, it.rows.length])).toEqual([
      ['first', limits.writeBatch],
      ['second', 1],
    ]);
    expect(queue.size).toBe(limits.writeBatch + 2);
    queue.remove(batch);
    expect(queue.batch()).toEqual([{ table: first, rows: [{ id: `a${limits.writeBatch}` }] }]);
  });

  it('bounds each table on its own, and reports the kind of a dropped row', () => {
    const [narrow, wide] = [tableOf('narrow', 2), tableOf('wide', 9)];
    const lost: string[] = [];
    const queue = new WriteBehindQueue([narrow, wide], (kind) => lost.push(kind));
    for (let i = 0; i < 4; i += 1) for (const it of [narrow, wide]) queue.add(it, { id: `${i}` });
    expect(lost).toEqual(['narrow', 'narrow']);
    expect(queue.size).toBe(6);
  });

  it('rejects a row of a table that is not registered', () => {
    const queue = new WriteBehindQueue([], () => undefined);
    expect(() => queue.add(tableOf('stray', 1), { id: 'a' })).toThrow('stray');
  });
});
