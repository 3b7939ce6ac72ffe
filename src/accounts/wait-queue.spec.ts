import { describe, expect, it } from 'vitest';
import { waitForAny, WaitQueue } from './wait-queue.js';

const never = new AbortController().signal;
const LONG_MS = 60_000;

describe('WaitQueue', () => {
  it('wakes each waiter once, in order of arrival, and never one that has left', () => {
    const waiters = new WaitQueue();
    const called: string[] = [];
    waiters.add(() => called.push('a'));
    const leave = waiters.add(() => called.push('b'));
    waiters.add(() => called.push('c'));
    leave();
    waiters.wakeAll();
    waiters.wakeAll();
    expect(called).toEqual(['a', 'c']);
  });

  it('keeps waiters that register while being woken, until the next call', () => {
    const waiters = new WaitQueue();
    let calls = 0;
    const again = () => {
      calls += 1;
      waiters.add(again);
    };
    waiters.add(again);
    waiters.wakeAll();
    expect(calls).toBe(1);
    waiters.wakeAll();
    expect(calls).toBe(2);
  });
});

describe('a wait', () => {
  it('for any of several queues ends with the first call, and leaves no waiter behind', async () => {
    const all = [new WaitQueue(), new WaitQueue()] as const;
    const wait = waitForAny(all, LONG_MS, never);
    expect(all.map((it) => it.size)).toEqual([1, 1]);
    all[1].wakeAll();
    await wait;
    expect(all.map((it) => it.size)).toEqual([0, 0]);
  });

  it('ends when the time is up', async () => {
    const waiters = new WaitQueue();
    await waitForAny([waiters], 1, never);
    expect(waiters.size).toBe(0);
  });

  it('ends when the client leaves, or has left', async () => {
    const waiters = new WaitQueue();
    const gone = new AbortController();
    const wait = waitForAny([waiters], LONG_MS, gone.signal);
    gone.abort();
    await wait;
    await waitForAny([waiters], LONG_MS, gone.signal);
    expect(waiters.size).toBe(0);
  });
});
