import { describe, expect, it } from 'vitest';
import { aRequest } from '../../../test/support/page/a-request.js';
import { TurnList } from './turn-list.js';

const turn = (id: string, at: number, more = {}) => aRequest({ id, at, ...more });

function idsOf(list: TurnList): (string | undefined)[] {
  return Array.from({ length: list.size }, (_, index) => list.at(index)?.id);
}

describe('the list of turns', () => {
  it('has live turns on top, older pages below, and each turn once', () => {
    const list = new TurnList();
    expect(list.append([turn('c', 3), turn('b', 2)])).toBe(2);
    expect(list.put([turn('e', 5), turn('d', 4), turn('c', 3)])).toBe(true);
    expect(list.append([turn('b', 2), turn('a', 1)])).toBe(1);
    expect(idsOf(list)).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(list.indexOf('d')).toBe(1);
    expect(list.at(9)).toBeNull();
  });

  it('replaces a running turn by its end, whether that comes live or with a page', () => {
    const list = new TurnList();
    list.put([turn('a', 1), turn('b', 2)]);
    list.put([turn('a', 1, { result: 'complete', endedAt: 9 })]);
    list.append([turn('b', 2, { result: 'cut', endedAt: 9 })]);
    expect([list.find('a')?.result, list.find('b')?.result]).toEqual(['complete', 'cut']);
    list.append([turn('a', 1)]);
    expect(list.find('a')?.result).toBe('complete');
  });

  it('says when nothing has changed', () => {
    const list = new TurnList();
    const same = turn('a', 1);
    list.put([same]);
    expect(list.put([same])).toBe(false);
    expect(list.remove(['x'])).toBe(false);
    expect(list.remove(['a'])).toBe(true);
    expect(list.size).toBe(0);
  });

  it('drops the oldest turns beyond its bound', () => {
    const list = new TurnList(3);
    list.append([turn('c', 3), turn('b', 2), turn('a', 1), turn('z', 0)]);
    list.put([turn('d', 4)]);
    expect(idsOf(list)).toEqual(['d', 'c', 'b']);
    expect(list.find('a')).toBeNull();
  });

  it('takes 100,000 turns, and a live one on top, without a task over 50 ms', () => {
    const list = new TurnList();
    const page = Array.from({ length: 100_000 }, (_, index) => turn(`t${index}`, 200_000 - index));
    list.append(page);
    const before = performance.now();
    list.put([turn('new', 300_000)]);
    expect(performance.now() - before).toBeLessThan(50);
    expect(list.size).toBe(100_000);
    expect(list.at(0)?.id).toBe('new');
  });
});

it('a newest page that is fetched anew fills the gap below the live turns', () => {
  const list = new TurnList();
  list.append([turn('b', 2), turn('a', 1)]);
  list.put([turn('e', 5)]);
  list.append([turn('e', 5), turn('d', 4), turn('c', 3), turn('b', 2)]);
  expect(idsOf(list)).toEqual(['e', 'd', 'c', 'b', 'a']);
});
