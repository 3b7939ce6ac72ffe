import { describe, expect, it } from 'vitest';
import { BoundedQueue } from './row-queue.js';

function filled(bound: number, count: number) {
  let lost = 0;
  const queue = new BoundedQueue<number>(bound, () => (lost += 1));
  for (let i = 1; i <= count; i += 1) queue.add(i);
  return { queue, lost: () => lost };
}

describe('a bounded queue', () => {
  it('keeps the order, and shows the oldest without taking them out', () => {
    const { queue, lost } = filled(5, 4);
    expect(queue.first(2)).toEqual([1, 2]);
    expect(queue.first(9)).toEqual([1, 2, 3, 4]);
    expect(queue.size).toBe(4);
    expect(lost()).toBe(0);
  });

  it('takes as many as its bound without a loss', () => {
    const { queue, lost } = filled(5, 5);
    expect(queue.size).toBe(5);
    expect(lost()).toBe(0);
  });

  it('drops the oldest above its bound, and counts each loss', () => {
    const { queue, lost } = filled(5, 12);
    expect(queue.first(9)).toEqual([8, 9, 10, 11, 12]);
    expect(lost()).toBe(7);
  });

  it('keeps what came while a batch was being written, and what the batch had no part in', () => {
    const { queue } = filled(5, 4);
    const batch = queue.first(3);
    queue.add(5);
    queue.remove(batch);
    expect(queue.first(9)).toEqual([4, 5]);
  });

  it('removes what is still in of a batch whose oldest were dropped meanwhile, and nothing else', () => {
    const { queue, lost } = filled(3, 3);
    const batch = queue.first(2);
    queue.add(4);
    queue.add(5);
    queue.add(6); // 1, 2 and 3 are out
    queue.remove(batch);
    expect(queue.first(9)).toEqual([4, 5, 6]);
    expect(lost()).toBe(3);
  });
});
