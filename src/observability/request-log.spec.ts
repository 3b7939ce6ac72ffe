import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { type RequestEntry, RequestLog } from './request-log.js';

const entry = (id: string, result = 'complete'): RequestEntry => ({
  id,
  at: 1_900_000_000_000,
  method: 'POST',
  route: '/v1/responses',
  session: null,
  thread: null,
  model: null,
  effort: null,
  frontEnd: null,
  project: null,
  account: null,
  movedFrom: null,
  firstRefusal: null,
  status: null,
  firstByteMs: null,
  bytes: 0,
  tokens: null,
  detail: 'full',
  candidates: [],
  attempts: [],
  isReplayable: true,
  result,
  endedAt: null,
});

const logged = (id: string) => ({ id, entry: () => entry(id) });

/** A log of `count` entries, `r-0` first. */
function logOf(count: number): RequestLog {
  const log = new RequestLog();
  for (let i = 0; i < count; i += 1) log.put(logged(`r-${i}`));
  return log;
}

const ids = (entries: readonly RequestEntry[]): string[] => entries.map((it) => it.id);

describe('RequestLog', () => {
  it('lists the newest first', () => {
    expect(ids(logOf(3).list())).toEqual(['r-2', 'r-1', 'r-0']);
  });

  it('is bounded, and drops the oldest entries first', () => {
    expect(logOf(limits.requestLogEntries).list()).toHaveLength(limits.requestLogEntries);
    const count = limits.requestLogEntries + 50;
    const log = logOf(count);
    expect(log.list()).toHaveLength(limits.requestLogEntries);
    expect(log.find('r-49')).toBeNull();
    expect(log.find('r-50')).toMatchObject({ id: 'r-50' });
    expect(ids(log.list())[0]).toBe(`r-${count - 1}`);
  });

  it('lists a request as it is at that time', () => {
    const log = new RequestLog();
    let result = 'running';
    log.put({ id: 'r-0', entry: () => entry('r-0', result) });
    result = 'cut';
    expect(log.find('r-0')).toMatchObject({ result: 'cut' });
    expect(log.list()).toMatchObject([{ result: 'cut' }]);
  });
});
