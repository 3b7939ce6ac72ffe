import { describe, expect, it } from 'vitest';
import { limits } from '../limits.js';
import { OwnerTable } from './owner-table.js';

/** A table that has seen so many values, each from an account of its own: `v-0` first. */
function tableOf(count: number): OwnerTable {
  const table = new OwnerTable();
  for (let i = 0; i < count; i += 1) table.remember(`v-${i}`, `a-${i}`);
  return table;
}

const held = (table: OwnerTable, values: number): number =>
  Array.from({ length: values }, (_, i) => table.ownerOf(`v-${i}`)).filter((it) => it !== null).length;

describe('OwnerTable', () => {
  it('tells which account issued a value, and nothing of a value that nobody issued', () => {
    const table = tableOf(2);
    expect(table.ownerOf('v-1')).toBe('a-1');
    expect(table.ownerOf('v-2')).toBeNull();
  });

  it('holds as many values as it may, however many come, and lets the oldest go first', () => {
    expect(held(tableOf(limits.owners), limits.owners)).toBe(limits.owners);
    const count = limits.owners + 50;
    const table = tableOf(count);
    expect(held(table, count)).toBe(limits.owners);
    expect(table.ownerOf('v-49')).toBeNull();
    expect(table.ownerOf('v-50')).toBe('a-50');
    expect(table.ownerOf(`v-${count - 1}`)).toBe(`a-${count - 1}`);
  });

  it('counts a value once, and takes one that is issued again for the newest', () => {
    const table = tableOf(limits.owners);
    table.remember('v-0', 'another');
    expect(held(table, limits.owners)).toBe(limits.owners);
    table.remember('one more', 'a');
    expect(table.ownerOf('v-0')).toBe('another');
    expect(table.ownerOf('v-1')).toBeNull();
  });
});
