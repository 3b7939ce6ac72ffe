import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { SessionAffinity } from './session-affinity.js';

const DAY = 86_400_000;

function tableAt(startsAt = 1_900_000_000_000) {
  let now = startsAt;
  const table = new SessionAffinity({ now: () => now });
  return { table, advance: (ms: number) => void (now += ms) };
}

describe('SessionAffinity', () => {
  it('has no account for an unknown session', () => {
    expect(tableAt().table.find('s-1')).toBeNull();
  });

  it('keeps a session on the account that has served it while another is tried', () => {
    const { table } = tableAt();
    table.settle('s-1', 'a');
    table.claim('s-1', 'b');
    expect(table.find('s-1')).toBe('a');
    expect(table.tentative('s-1')).toBe('b');
  });

  it('avoids an account that has failed a turn until the session is served again', () => {
    const { table } = tableAt();
    table.settle('s-1', 'a');
    table.avoid('s-1', 'a');
    table.claim('s-1', 'b');
    expect(table.avoided('s-1')).toBe('a');
    table.settle('s-1', 'b');
    expect(table.avoided('s-1')).toBeNull();
  });

  it('moves a session to the account that served it', () => {
    const { table } = tableAt();
    table.claim('s-1', 'a');
    table.settle('s-1', 'b');
    expect(table.find('s-1')).toBe('b');
    expect(table.size).toBe(1);
  });

  it('returns the account that served a session before its move, whichever were tried in between', () => {
    const { table } = tableAt();
    table.claim('s-1', 'a');
    expect(table.formerOf('s-1')).toBeNull();
    table.settle('s-1', 'a');
    table.claim('s-1', 'b');
    table.claim('s-1', 'c');
    expect(table.formerOf('s-1')).toBeNull();
    table.settle('s-1', 'c');
    table.settle('s-1', 'c');
    expect(table.formerOf('s-1')).toBe('a');
    table.settle('s-1', 'a');
    expect(table.formerOf('s-1')).toBe('c');
  });

  it('has no former account for a session that returned before another account served it', () => {
    const { table } = tableAt();
    table.settle('s-1', 'a');
    table.claim('s-1', 'b');
    table.settle('s-1', 'a');
    expect(table.formerOf('s-1')).toBeNull();
    expect(table.formerOf('s-2')).toBeNull();
  });

  it('ignores the end of a request that began before the session moved', () => {
    const { table, advance } = tableAt(1_000);
    table.settle('s-1', 'a', 1_000);
    advance(10);
    table.settle('s-1', 'b', 1_005);
    advance(10);
    table.settle('s-1', 'a', 1_001);
    expect(table.find('s-1')).toBe('b');
    expect(table.wasServedElsewhere('s-1')).toBe(true);
  });

  it('notifies watchers of accounts that have served, not of tentative ones', () => {
    const { table } = tableAt();
    const settled: string[] = [];
    table.onSettle((session, { accountId, formerId }) => settled.push(`${session} ${accountId} ${formerId}`));
    table.claim('s-1', 'a');
    table.settle('s-1', 'a');
    table.claim('s-1', 'b');
    table.settle('s-1', 'b');
    expect(settled).toEqual(['s-1 a null', 's-1 b a']);
  });

  it('forgets a session that was idle for a week, and no other', () => {
    const { table, advance } = tableAt();
    table.settle('s-1', 'a');
    table.settle('s-2', 'a');
    advance(6 * DAY);
    table.settle('s-2', 'a');
    advance(DAY);
    expect(table.find('s-1')).toBe('a');
    advance(1);
    expect(table.find('s-1')).toBeNull();
    expect(table.find('s-2')).toBe('a');
    table.claim('s-1', 'b');
    expect([table.find('s-1'), table.tentative('s-1')]).toEqual([null, 'b']);
  });

  it('holds sessions up to its bound, and evicts the least recently used first', () => {
    const { table } = tableAt();
    for (let i = 0; i < limits.affinitySessions; i += 1) table.settle(`s-${i}`, 'a');
    table.settle('s-0', 'a');
    table.settle('one more', 'b');
    expect(table.size).toBe(limits.affinitySessions);
    expect(table.find('s-0')).toBe('a');
    expect(table.find('s-1')).toBeNull();
    expect(table.find('s-2')).toBe('a');
    expect(table.find('one more')).toBe('b');
  });
});
