import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { type AccountEvidence, evidenceIn, lastSuccessAt, noEvidence } from './account-evidence.js';
import { learn } from './evidence-learning.js';
import { meterOfModel } from './meter-models.js';
import type { AccountEvent } from './account-event.js';
import { GENERAL_SCOPE, meterScope, type RefusalScope } from './refusal-scope.js';
import type { ScopeEvidence } from './scope-evidence.js';

const T = 1_900_000_000_000;
const MINUTE = 60_000;

const after = (...events: AccountEvent[]): AccountEvidence => events.reduce(learn, noEvidence);
const ofAccount = (...events: AccountEvent[]): ScopeEvidence => evidenceIn(after(...events), 'account');
const ofQuota = (...events: AccountEvent[]): ScopeEvidence => evidenceIn(after(...events), GENERAL_SCOPE);
const scope = 'account';

const usedUp = {
  kind: 'quota-exhausted',
  scope: GENERAL_SCOPE,
  meteredModel: null,
  until: T + 60 * MINUTE,
  at: T,
} as const;
const limited = (at: number, retryAfterMs: number | null = null) =>
  ({ kind: 'rate-limited', scope, meteredModel: null, retryAfterMs, startedAt: at, at }) as const;
const served = (startedAt: number, at: number, scopes: RefusalScope[] = ['account', GENERAL_SCOPE]) =>
  ({ kind: 'served', scopes, meteredModel: null, startedAt, at }) as const;
const openIf = (isOpen: boolean) => new Set(isOpen ? [GENERAL_SCOPE] : []);
const polled = (askedAt: number, isOpen = true) =>
  ({
    kind: 'polled',
    askedAt,
    openMeters: openIf(isOpen),
    meterNames: new Map<RefusalScope, string>(),
    at: askedAt + 100,
  }) as const;
const quotaSeen = (askedAt: number, isOpen: boolean): AccountEvent => ({
  kind: 'quota-seen',
  askedAt,
  openMeters: openIf(isOpen),
  meterNames: new Map(),
  at: askedAt + 100,
});
const suspended: AccountEvent = { kind: 'deactivated', code: 'account_suspended', at: T };
const refuses = (model: string, at: number): AccountEvent => ({ kind: 'not-entitled', model, at });
const counted = (kind: 'upstream-error' | 'cut', startedAt: number, seenAt: number): AccountEvent => ({
  kind,
  scope,
  startedAt,
  at: seenAt,
});
const cut = (at: number): AccountEvent => counted('cut', at, at);
const failed = (at: number): AccountEvent => counted('upstream-error', at, at);
const rejected = { kind: 'unauthorized', scope, until: null, at: T } as const;
const forbidden: AccountEvent = { kind: 'forbidden', scope, at: T };

const pause = (at: number): AccountEvent => ({ ...limited(at), scope: 'images' });
const models = ({ scopes }: AccountEvidence) => [...scopes.keys()].filter((it) => it.startsWith('model:'));

describe('a refusal', () => {
  it.each<[string, AccountEvent, string, number]>([
    ['a rate limit with a time', limited(T, 7_000), 'rate-limited', 7_000],
    ['a rate limit of no time', limited(T, 0), 'rate-limited', 1_000],
    ['a rate limit without one', limited(T), 'rate-limited', 2_000],
    ['a rejected token', rejected, 'unauthorized', 5 * MINUTE],
    ['a failing refresh', { ...rejected, until: T + 30_000 }, 'unauthorized', 30_000],
  ])('holds for its own time: %s', (_case, event, kind, pauseMs) => {
    expect(ofAccount(event).refusal).toEqual({ kind, at: T, until: T + pauseMs, pollFrom: T });
  });

  it('holds in its own scope only', () => {
    const spark = meterScope('codex_bengalfox');
    const pausedImages = { ...limited(T), scope: 'images' } as const;
    const evidence = after({ ...usedUp, scope: spark }, pausedImages, refuses('m', T));
    expect(evidenceIn(evidence, spark).refusal).toMatchObject({ kind: 'quota-exhausted' });
    expect(evidenceIn(evidence, 'images').refusal).toMatchObject({ kind: 'rate-limited' });
    expect(evidenceIn(evidence, 'model:m').refusal).toMatchObject({ kind: 'not-entitled' });
    expect(evidenceIn(evidence, 'account').refusal).toBeNull();
    expect(evidenceIn(evidence, GENERAL_SCOPE).refusal).toBeNull();
  });

  it('does not follow a 403, which is only remembered until the next success', () => {
    expect(ofAccount(forbidden)).toMatchObject({ refusal: null, forbiddenAt: T });
    expect(ofAccount(forbidden, served(T + 1, T + 2)).forbiddenAt).toBeNull();
    expect(ofAccount(forbidden, served(T - 1, T + 2)).forbiddenAt).toBe(T);
  });

  it('grows with each one in a row, and starts over after a success', () => {
    expect(ofAccount(limited(T), limited(T + 3_000)).refusal?.until).toBe(T + 3_000 + 4_000);
    const succeeded = ofAccount(limited(T), limited(T), served(T + 10_000, T + 11_000), limited(T + 12_000));
    expect(succeeded.refusal?.until).toBe(T + 12_000 + 2_000);
  });

  it('does not hide a longer lack of quota behind a short pause', () => {
    const spent: AccountEvent = { ...usedUp, scope: 'images' };
    const both = after(spent, pause(T + 1_000));
    expect(evidenceIn(both, 'images').refusal).toMatchObject({ kind: 'quota-exhausted' });
    const other = after(pause(T), spent);
    expect(evidenceIn(other, 'images').refusal).toMatchObject({ kind: 'quota-exhausted' });
  });

  it('follows the third cut in a row, but not three cuts with a complete response in between', () => {
    const whole: AccountEvent = { kind: 'completed', scope, startedAt: T, at: T };
    expect(ofAccount(cut(T), served(T, T), cut(T)).refusal).toBeNull();
    expect(ofAccount(cut(T), served(T, T), cut(T), served(T, T), cut(T)).refusal).toMatchObject({
      kind: 'upstream-error',
      until: T + 30_000,
    });
    expect(ofAccount(cut(T), cut(T), cut(T), cut(T)).refusal?.until).toBe(T + 60_000);
    expect(ofAccount(cut(T), cut(T), whole, cut(T)).refusal).toBeNull();
  });

  it('counts once for many concurrent requests', () => {
    const debounce = [T, T + 1, T + 2, T + 3];
    expect(ofAccount(...debounce.map((it) => counted('upstream-error', T - 1, it))).refusal).toBeNull();
    expect(ofAccount(...debounce.map((it) => counted('cut', T - 1, it))).refusal).toBeNull();
    expect(ofAccount(...debounce.map((it) => counted('cut', it, it))).refusal).not.toBeNull();
    // Each begins before the previous one has failed. Such a chain could go on forever, so it is not a single event.
    const chain = Array.from({ length: 10 }, (_, i) =>
      counted('upstream-error', T + i * 1_000, T + i * 1_000 + 1_500),
    );
    expect(ofAccount(...chain).refusal).not.toBeNull();
    const setBack = [T, T - 5_000, T - 4_000].map((it) => counted('upstream-error', it, it));
    expect(ofAccount(...setBack).refusal).not.toBeNull();
  });

  it('follows the third upstream error in a row, but not three with a success in between', () => {
    expect(ofAccount(failed(T), failed(T)).refusal).toBeNull();
    expect(ofAccount(failed(T), failed(T), failed(T)).refusal).toMatchObject({
      kind: 'upstream-error',
      until: T + 30_000,
    });
    expect(ofAccount(failed(T), failed(T), served(T, T + 1), failed(T + 2)).refusal).toBeNull();
  });
});

describe('newer evidence', () => {
  it('ends a refusal when a request that began after it succeeds', () => {
    expect(ofQuota(usedUp, served(T + 1, T + 9)).refusal).toBeNull();
    expect(lastSuccessAt(after(usedUp, served(T + 1, T + 9)))).toBe(T + 9);
  });

  it('keeps a refusal when a request that began before it succeeds', () => {
    expect(ofQuota(usedUp, served(T - 1, T + 9)).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });

  it.each<[string, AccountEvent, boolean]>([
    ['ends a refusal when it was sent afterwards and no window is full', polled(T + 1), true],
    ['leaves a refusal when it was sent before', polled(T - 1), false],
    ['leaves a refusal when it was sent at the same moment', polled(T), false],
    ['leaves a refusal when a window is full', polled(T + 1, false), false],
  ])('from a poll: %s', (_case, poll, isOver) => {
    expect(ofQuota(usedUp, poll).refusal === null).toBe(isOver);
  });

  it('must be a minute newer next time if it proves wrong within a minute', () => {
    const again: AccountEvent = { ...usedUp, at: T + MINUTE };
    const refusedAgain = after(usedUp, polled(T + 1), again);
    expect(evidenceIn(refusedAgain, GENERAL_SCOPE).refusal).toMatchObject({
      at: T + MINUTE,
      pollFrom: T + 2 * MINUTE,
    });
    expect(evidenceIn(learn(refusedAgain, polled(T + 2 * MINUTE)), GENERAL_SCOPE).refusal).not.toBeNull();
    expect(evidenceIn(learn(refusedAgain, polled(T + 2 * MINUTE + 1)), GENERAL_SCOPE).refusal).toBeNull();
    const runOut: AccountEvent = { ...usedUp, until: T + 5 };
    expect(ofQuota(runOut, served(T + 9, T + 9), again).refusal?.pollFrom).toBe(T + MINUTE); // it had run out
    const later: AccountEvent = { ...again, at: T + 61_101 };
    expect(ofQuota(usedUp, polled(T + 1), later).refusal?.pollFrom).toBe(T + 61_101);
  });

  it.each<[string, AccountEvent, boolean]>([
    ['that was requested afterwards ends the refusal', quotaSeen(T + 1, true), true],
    ['that was requested before does not', quotaSeen(T - 1, true), false],
    ['with a full window does not', quotaSeen(T + 1, false), false],
  ])('in the head of a response %s after a quota refusal', (_case, event, isOver) => {
    expect(ofQuota(usedUp, event).refusal === null).toBe(isOver);
    expect(ofAccount(limited(T), event).refusal).not.toBeNull();
  });

  it('from a new login by a person ends any refusal', () => {
    const loggedIn: AccountEvent = { kind: 'logged-in', at: T + 1 };
    expect(after(usedUp, suspended, loggedIn).deactivated).toBeNull();
    expect(ofQuota(usedUp, suspended, loggedIn).refusal).toBeNull();
    expect(ofAccount(loggedIn).clearedAt).toBeNull();
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
    expect(ofAccount(rejected, refreshed).refusal).toBeNull();
    expect(ofAccount(limited(T), refreshed).refusal).not.toBeNull();
    expect(ofAccount(forbidden, refreshed).forbiddenAt).toBe(T);
    expect(after(suspended, refreshed).deactivated).not.toBeNull();
  });

  it('about the same limit replaces the old, even if it ends sooner', () => {
    const sooner: AccountEvent = { ...usedUp, until: T + 2 * MINUTE, at: T + MINUTE };
    expect(ofQuota(usedUp, sooner).refusal).toMatchObject({ at: T + MINUTE, until: T + 2 * MINUTE });
  });

  it('from a new login ends refusals of the old login, but not a lack of quota', () => {
    const renewed: AccountEvent = { kind: 'credential-renewed', isRefresh: false, at: T + 1 };
    expect(ofAccount(rejected, renewed).refusal).toBeNull();
    expect(ofAccount(forbidden, renewed).forbiddenAt).toBeNull();
    expect(ofQuota(usedUp, renewed).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });
});

describe('refused models', () => {
  it('are remembered for an hour, each separately', () => {
    const evidence = after(refuses('one', T), refuses('two', T + MINUTE));
    expect(evidenceIn(evidence, 'model:one').refusal?.until).toBe(T + 60 * MINUTE);
    expect(evidenceIn(evidence, 'model:two').refusal?.until).toBe(T + 61 * MINUTE);
  });

  it('are forgotten when the plan changes', () => {
    const changed: AccountEvent = { kind: 'plan-changed', at: T + 1 };
    expect(models(after(refuses('one', T), usedUp, changed))).toEqual([]);
    expect(ofQuota(refuses('one', T), usedUp, changed).refusal).not.toBeNull();
  });

  it('are served again after a success with them, which leaves no trace of models that were never refused', () => {
    const success = served(T + 1, T + 2, ['account', GENERAL_SCOPE, 'model:one', 'model:two']);
    const evidence = after(refuses('one', T), success);
    expect(evidenceIn(evidence, 'model:one').refusal).toBeNull();
    expect(models(evidence)).toEqual(['model:one']);
  });

  it('never changes evidence in place', () => {
    const before = after(refuses('one', T));
    learn(before, refuses('two', T));
    expect(models(before)).toEqual(['model:one']);
  });
});

describe('the meter of a model', () => {
  const spark = meterScope('codex_bengalfox');
  const onSpark = (model: string): AccountEvent => ({ ...usedUp, scope: spark, meteredModel: model });

  it('is the one that upstream has named for it, in a refusal or a success', () => {
    expect(meterOfModel(after(onSpark('fast')), 'fast')).toBe(spark);
    const success: AccountEvent = { ...served(T, T, ['account', spark]), meteredModel: 'quick' };
    expect(meterOfModel(after(success), 'quick')).toBe(spark);
    expect(meterOfModel(after(onSpark('fast')), 'slow')).toBeNull();
  });

  it('is forgotten when upstream names another one', () => {
    const general: AccountEvent = { ...usedUp, meteredModel: 'fast' };
    expect(meterOfModel(after(onSpark('fast'), general), 'fast')).toBe(GENERAL_SCOPE);
  });

  it('is the one whose label a poll reports, unless upstream has counted the model on another one', () => {
    const poll: AccountEvent = { ...polled(T + 1), meterNames: new Map([[spark, 'GPT-5.3-Codex-Spark']]) };
    expect(meterOfModel(after(poll), 'gpt-5.3-codex-spark')).toBe(spark);
    const general: AccountEvent = { ...usedUp, meteredModel: 'gpt-5.3-codex-spark' };
    expect(meterOfModel(after(general, poll), 'gpt-5.3-codex-spark')).toBe(GENERAL_SCOPE);
  });

  it('is remembered for a bounded number of models', () => {
    const many = Array.from({ length: limits.modelsPerMeter + 5 }, (_, i) => onSpark(`m${i}`));
    expect(evidenceIn(after(...many), spark).models).toHaveLength(limits.modelsPerMeter);
  });
});

describe('the scopes of an account', () => {
  const bound = limits.scopesPerAccount;

  it('never exceed their bound: outdated ones go first, then the oldest, but never the account itself', () => {
    const first = [usedUp, rejected, refuses('past', T - 61 * MINUTE)];
    const many = Array.from({ length: bound + 50 }, (_, i) => refuses(`m-${i}`, T));
    const { scopes } = after(...first, ...many);
    expect(scopes.size).toBe(bound);
    expect(scopes.has('account')).toBe(true);
    expect(scopes.has(GENERAL_SCOPE)).toBe(true);
    expect(scopes.has('model:past')).toBe(false);
    expect(scopes.has('model:m-0')).toBe(false);
    expect(scopes.has(`model:m-${many.length - 1}`)).toBe(true);
  });
});

describe('a reset', () => {
  it('clears all evidence against an account, and keeps its last success', () => {
    const held = after(
      served(T, T + 1),
      usedUp,
      suspended,
      refuses('m', T),
      failed(T),
      limited(T),
      forbidden,
    );
    const reset = learn(held, { kind: 'reset', at: T + 2 });
    expect(lastSuccessAt(reset)).toBe(T + 1);
    expect(reset).toEqual(after(served(T, T + 1)));
  });
});
