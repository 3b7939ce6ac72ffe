import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { EventHistory } from './event-history.js';

function historyOf(...events: readonly string[]): EventHistory {
  const history = new EventHistory();
  for (const it of events) history.add(Buffer.from(it));
  return history;
}

const textsAfter = (history: EventHistory, number: number) => history.after(number)?.map(String) ?? null;

describe('EventHistory', () => {
  it('has the events after a number', () => {
    const history = historyOf('a', 'b', 'c');
    expect(history.last).toBe(3);
    expect(textsAfter(history, 0)).toEqual(['a', 'b', 'c']);
    expect(textsAfter(history, 2)).toEqual(['c']);
    expect(textsAfter(history, 3)).toEqual([]);
  });

  it.each([4, -1, 1.5, NaN, Infinity])('has none after %s, which it never had', (number) => {
    expect(historyOf('a', 'b', 'c').after(number)).toBeNull();
  });

  it('is bounded by count', () => {
    const history = historyOf(...Array.from({ length: limits.eventsKept + 2 }, (_, index) => `${index}`));
    expect(history.after(1)).toBeNull();
    expect(history.after(2)).toHaveLength(limits.eventsKept);
  });

  it('is bounded by bytes', () => {
    const half = 'x'.repeat(limits.eventsKeptBytes / 2);
    const history = historyOf(half, half, 'y');
    expect(history.after(0)).toBeNull();
    expect(history.after(1)).toHaveLength(2);
    history.add(Buffer.alloc(limits.eventsKeptBytes + 1));
    expect(history.after(3)).toBeNull();
    expect(history.after(4)).toEqual([]);
  });

  it('has nothing after the events before it was cleared', () => {
    const history = historyOf('a', 'b');
    history.clear();
    history.add(Buffer.from('c'));
    expect([0, 1, 2].map((it) => history.after(it))).toEqual([null, null, null]);
    expect(textsAfter(history, 3)).toEqual(['c']);
  });
});
