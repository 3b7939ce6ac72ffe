import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { type AccountEvent, type AccountEvidence, learn, noEvidence } from './account-evidence.js';

const T = 1_900_000_000_000;
const MINUTE = 60_000;

const after = (...events: AccountEvent[]): AccountEvidence => events.reduce(learn, noEvidence);

const usedUp: AccountEvent = { kind: 'quota-exhausted', until: T + 60 * MINUTE, at: T };
const limited = (at: number, retryAfterMs: number | null = null): AccountEvent => ({
  kind: 'rate-limited',
  retryAfterMs,
  startedAt: at,
  at,
});
const served = (startedAt: number, at: number): AccountEvent => ({ kind: 'served', startedAt, at });
const polled = (askedAt: number, isAnyWindowFull = false): AccountEvent => ({
  kind: 'polled',
  askedAt,
  isAnyWindowFull,
  at: askedAt + 100,
});
const quotaSeen = (askedAt: number, isAnyWindowFull: boolean): AccountEvent => ({
  kind: 'quota-seen',
  askedAt,
  isAnyWindowFull,
  at: askedAt + 100,
});
const suspended: AccountEvent = { kind: 'deactivated', code: 'account_suspended', at: T };
const refuses = (model: string, at: number): AccountEvent => ({ kind: 'not-entitled', model, at });
const counted = (
  kind: 'forbidden' | 'upstream-error' | 'cut',
  startedAt: number,
  seenAt: number,
): AccountEvent => ({
  kind,
  startedAt,
  at: seenAt,
});
const cut = (at: number): AccountEvent => ({ kind: 'cut', startedAt: at, at });
const failed = (at: number): AccountEvent => ({ kind: 'upstream-error', startedAt: at, at });

describe('a refusal', () => {
  it.each<[string, AccountEvent, string, number]>([
    ['used-up quota', usedUp, 'quota-exhausted', 60 * MINUTE],
    ['a rate limit with a time', limited(T, 7_000), 'rate-limited', 7_000],
    ['a rate limit without one', limited(T), 'rate-limited', 2_000],
    ['a rejected token', { kind: 'unauthorized', until: null, at: T }, 'unauthorized', 5 * MINUTE],
    ['a failing refresh', { kind: 'unauthorized', until: T + 30_000, at: T }, 'unauthorized', 30_000],
    ['a 403', { kind: 'forbidden', startedAt: T, at: T }, 'forbidden', 5 * MINUTE],
  ])('holds for its own time: %s', (_case, event, kind, pauseMs) => {
    expect(after(event).refusal).toEqual({ kind, at: T, until: T + pauseMs, pollFrom: T });
  });

  it('grows with each one in a row, and starts over after a success', () => {
    expect(after(limited(T), limited(T + 3_000)).refusal?.until).toBe(T + 3_000 + 4_000);
    const succeeded = after(limited(T), limited(T), served(T + 10_000, T + 11_000), limited(T + 12_000));
    expect(succeeded.refusal?.until).toBe(T + 12_000 + 2_000);
    const forbidden: AccountEvent = { kind: 'forbidden', startedAt: T, at: T };
    expect(after(forbidden, forbidden).refusal?.until).toBe(T + 10 * MINUTE);
  });

  it('does not hide a longer lack of quota behind a short pause', () => {
    expect(after(usedUp, limited(T + 1_000)).refusal).toMatchObject({ kind: 'quota-exhausted' });
    expect(after(limited(T), usedUp).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });

  it('follows the third cut in a row, but not three cuts with a complete response in between', () => {
    const whole: AccountEvent = { kind: 'completed', startedAt: T, at: T };
    expect(after(cut(T), served(T, T), cut(T)).refusal).toBeNull();
    expect(after(cut(T), served(T, T), cut(T), served(T, T), cut(T)).refusal).toMatchObject({
      kind: 'upstream-error',
      until: T + 30_000,
    });
    expect(after(cut(T), cut(T), cut(T), cut(T)).refusal?.until).toBe(T + 60_000);
    expect(after(cut(T), cut(T), whole, cut(T)).refusal).toBeNull();
  });

  it('counts once for many concurrent requests', () => {
    const debounce = [T, T + 1, T + 2, T + 3];
    expect(after(...debounce.map((it) => counted('forbidden', T - 1, it))).refusal?.until).toBe(
      T + 3 + 5 * MINUTE,
    );
    expect(after(...debounce.map((it) => counted('upstream-error', T - 1, it))).refusal).toBeNull();
    expect(after(...debounce.map((it) => counted('cut', T - 1, it))).refusal).toBeNull();
    expect(after(...debounce.map((it) => counted('cut', it, it))).refusal).not.toBeNull();
    // Each begins before the previous one has failed. Such a chain could go on forever, so it is not a single event.
    const chain = Array.from({ length: 10 }, (_, i) =>
      counted('upstream-error', T + i * 1_000, T + i * 1_000 + 1_500),
    );
    expect(after(...chain).refusal).not.toBeNull();
    const setBack = [T, T - 5_000, T - 4_000].map((it) => counted('upstream-error', it, it));
    expect(after(...setBack).refusal).not.toBeNull();
  });

  it('follows the third upstream error in a row, but not three with a success in between', () => {
    expect(after(failed(T), failed(T)).refusal).toBeNull();
    expect(after(failed(T), failed(T), failed(T)).refusal).toMatchObject({
      kind: 'upstream-error',
      until: T + 30_000,
    });
    expect(after(failed(T), failed(T), served(T, T + 1), failed(T + 2)).refusal).toBeNull();
  });
});

describe('newer evidence', () => {
  it('ends a refusal when a request that began after it succeeds', () => {
    expect(after(usedUp, served(T + 1, T + 9)).refusal).toBeNull();
    expect(after(usedUp, served(T + 1, T + 9)).lastSuccessAt).toBe(T + 9);
  });

  it('keeps a refusal when a request that began before it succeeds', () => {
    expect(after(usedUp, served(T - 1, T + 9)).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });

  it.each<[string, AccountEvent, boolean]>([
    ['ends a refusal when it was sent afterwards and no window is full', polled(T + 1), true],
    ['leaves a refusal when it was sent before', polled(T - 1), false],
    ['leaves a refusal when it was sent at the same moment', polled(T), false],
    ['leaves a refusal when a window is full', polled(T + 1, true), false],
  ])('from a poll: %s', (_case, poll, isOver) => {
    expect(after(usedUp, poll).refusal === null).toBe(isOver);
  });

  it('must be a minute newer next time if it proves wrong within a minute', () => {
    const again: AccountEvent = { kind: 'quota-exhausted', until: T + 60 * MINUTE, at: T + MINUTE };
    const refusedAgain = after(usedUp, polled(T + 1), again);
    expect(refusedAgain.refusal).toMatchObject({ at: T + MINUTE, pollFrom: T + 2 * MINUTE });
    expect(learn(refusedAgain, polled(T + 2 * MINUTE)).refusal).not.toBeNull();
    expect(learn(refusedAgain, polled(T + 2 * MINUTE + 1)).refusal).toBeNull();
    expect(after(limited(T, 5), served(T + 9, T + 9), again).refusal?.pollFrom).toBe(T + MINUTE); // it had run out
    const later: AccountEvent = { ...again, at: T + 61_101 };
    expect(after(usedUp, polled(T + 1), later).refusal?.pollFrom).toBe(T + 61_101);
  });

  it.each<[string, AccountEvent, boolean]>([
    ['that was requested afterwards ends the refusal', quotaSeen(T + 1, false), true],
    ['that was requested before does not', quotaSeen(T - 1, false), false],
    ['with a full window does not', quotaSeen(T + 1, true), false],
  ])('in the head of a response %s after a quota refusal', (_case, event, isOver) => {
    expect(after(usedUp, event).refusal === null).toBe(isOver);
    expect(after({ kind: 'forbidden', startedAt: T, at: T }, event).refusal).not.toBeNull();
  });

  it('from a new login by a person ends any refusal', () => {
    const loggedIn: AccountEvent = { kind: 'logged-in', at: T + 1 };
    expect(after(usedUp, suspended, loggedIn)).toMatchObject({ refusal: null, deactivated: null });
    expect(after(loggedIn).clearedAt).toBeNull();
  });

  it.each<[string, AccountEvent, boolean]>([
    ['a poll that was sent afterwards', polled(T + 1), true],
    ['a poll that was sent before', polled(T - 1), false],
    ['a new login', { kind: 'credential-renewed', isRefresh: false, at: T + 1 }, true],
  ])('about a deactivation: %s', (_case, event, isOver) => {
    expect(after(suspended).deactivated).toEqual({ code: 'account_suspended', at: T });
    expect(after(suspended, event).deactivated === null).toBe(isOver);
  });

  it('from our own refresh ends a token rejection, but no refusal of the account', () => {
    const refreshed: AccountEvent = { kind: 'credential-renewed', isRefresh: true, at: T + 1 };
    const rejected: AccountEvent = { kind: 'unauthorized', until: null, at: T };
    expect(after(rejected, refreshed).refusal).toBeNull();
    expect(after({ kind: 'forbidden', startedAt: T, at: T }, refreshed).refusal).not.toBeNull();
    expect(after(suspended, refreshed).deactivated).not.toBeNull();
  });

  it('about the same limit replaces the old, even if it ends sooner', () => {
    const sooner: AccountEvent = { kind: 'quota-exhausted', until: T + 2 * MINUTE, at: T + MINUTE };
    expect(after(usedUp, sooner).refusal).toMatchObject({ at: T + MINUTE, until: T + 2 * MINUTE });
  });

  it('from a new login ends refusals of the old login, but not a lack of quota', () => {
    const renewed: AccountEvent = { kind: 'credential-renewed', isRefresh: false, at: T + 1 };
    expect(after({ kind: 'unauthorized', until: null, at: T }, renewed).refusal).toBeNull();
    expect(after({ kind: 'forbidden', startedAt: T, at: T }, renewed).refusal).toBeNull();
    expect(after(usedUp, renewed).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });
});

describe('refused models', () => {
  it('are remembered for an hour, each separately, and leave the account available', () => {
    const evidence = after(refuses('one', T), refuses('two', T + MINUTE));
    expect([...evidence.modelRefusals]).toEqual([
      ['one', T + 60 * MINUTE],
      ['two', T + 61 * MINUTE],
    ]);
    expect(evidence.refusal).toBeNull();
  });

  it('are forgotten after their hour, and never exceed the bound', () => {
    expect([...after(refuses('one', T), refuses('two', T + 61 * MINUTE)).modelRefusals.keys()]).toEqual([
      'two',
    ]);
    const many = Array.from({ length: limits.modelRefusalsPerAccount + 50 }, (_, i) => refuses(`m-${i}`, T));
    const { modelRefusals } = after(...many);
    expect(modelRefusals.size).toBe(limits.modelRefusalsPerAccount);
    expect(modelRefusals.has(`m-${many.length - 1}`)).toBe(true);
  });

  it('are forgotten when the plan changes', () => {
    const changed: AccountEvent = { kind: 'plan-changed', at: T + 1 };
    expect(after(refuses('one', T), usedUp, changed).modelRefusals.size).toBe(0);
    expect(after(refuses('one', T), usedUp, changed).refusal).not.toBeNull();
  });

  it('never changes evidence in place', () => {
    const before = after(refuses('one', T));
    learn(before, refuses('two', T));
    expect([...before.modelRefusals.keys()]).toEqual(['one']);
  });
});

describe('a reset', () => {
  it('clears all evidence against an account, and keeps its last success', () => {
    const held = after(served(T, T + 1), usedUp, suspended, refuses('m', T), failed(T), limited(T), {
      kind: 'forbidden',
      startedAt: T,
      at: T,
    });
    expect(learn(held, { kind: 'reset', at: T + 2 })).toEqual({ ...noEvidence, lastSuccessAt: T + 1 });
  });
});
