import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { type Pinned, pinnedKinds, type PinnedKind, PinTable } from './pin-table.js';

/** A table with `count` values of a kind, each from a different account; `v-0` is the oldest. */
function tableOf(count: number, kind: PinnedKind = 'turn-state'): PinTable {
  const table = new PinTable();
  for (let i = 0; i < count; i += 1) table.remember(kind, `v-${i}`, `a-${i}`);
  return table;
}

const held = (table: PinTable, values: number, kind: PinnedKind = 'turn-state'): number =>
  Array.from({ length: values }, (_, i) => table.pinOf(kind, `v-${i}`)).filter((it) => it !== null).length;

describe('PinTable', () => {
  it('finds the account that issued a value, and none for an unknown value', () => {
    const table = tableOf(2);
    expect(table.pinOf('turn-state', 'v-1')).toBe('a-1');
    expect(table.pinOf('turn-state', 'v-2')).toBeNull();
  });

  it('keeps the kinds apart', () => {
    const table = tableOf(1);
    table.remember('file', 'v-0', 'another');
    expect(table.pinOf('turn-state', 'v-0')).toBe('a-0');
    expect(table.pinOf('file', 'v-0')).toBe('another');
    expect(table.pinOf('response', 'v-0')).toBeNull();
    expect(pinnedKinds.map((it) => table.has(it))).toEqual([true, false, true, false]);
  });

  it.each(pinnedKinds)('holds values up to its bound, and evicts the oldest first: %s', (kind) => {
    expect(held(tableOf(limits.pins, kind), limits.pins, kind)).toBe(limits.pins);
    const count = limits.pins + 50;
    const table = tableOf(count, kind);
    expect(held(table, count, kind)).toBe(limits.pins);
    expect(table.pinOf(kind, 'v-49')).toBeNull();
    expect(table.pinOf(kind, 'v-50')).toBe('a-50');
    expect(table.pinOf(kind, `v-${count - 1}`)).toBe(`a-${count - 1}`);
  });

  it('never evicts a file for turn states or responses', () => {
    const table = new PinTable();
    table.remember('file', 'the file', 'a');
    for (let i = 0; i <= limits.pins; i += 1) {
      table.remember('turn-state', `v-${i}`, 'b');
      table.remember('response', `v-${i}`, 'b');
    }
    expect(table.pinOf('file', 'the file')).toBe('a');
    expect(table.pinOf('turn-state', 'v-0')).toBeNull();
    expect(table.pinOf('response', 'v-0')).toBeNull();
  });

  it('counts a value once, and makes a value that is issued again the newest', () => {
    const table = tableOf(limits.pins);
    table.remember('turn-state', 'v-0', 'another');
    expect(held(table, limits.pins)).toBe(limits.pins);
    table.remember('turn-state', 'one more', 'a');
    expect(table.pinOf('turn-state', 'v-0')).toBe('another');
    expect(table.pinOf('turn-state', 'v-1')).toBeNull();
  });

  it('exposes its values only as hashes, and restores them after a restart', () => {
    const remembered: Pinned[] = [];
    const table = new PinTable();
    table.onRemember((it) => void remembered.push(it));
    table.remember('response', 'resp_secret', 'a');
    table.remember('file', 'file_secret', 'b');
    expect(JSON.stringify(remembered)).not.toContain('secret');
    const next = new PinTable();
    for (const it of remembered) next.restore(it);
    expect(next.pinOf('response', 'resp_secret')).toBe('a');
    expect(next.pinOf('file', 'file_secret')).toBe('b');
  });
});
