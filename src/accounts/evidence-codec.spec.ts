import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { type AccountEvent, type AccountEvidence, learn, noEvidence } from './account-evidence.js';
import { evidenceReader, type StoredEvidence, evidenceForLogin, textOf } from './evidence-codec.js';

const T = 1_900_000_000_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const YEAR_2446 = Date.UTC(2446, 0, 1);

const after = (...events: AccountEvent[]): AccountEvidence => events.reduce(learn, noEvidence);
const stored = (evidence: AccountEvidence): StoredEvidence => ({ evidence, login: 'l', refused: null });
const read = (evidence: object, now = T): StoredEvidence | null =>
  evidenceReader(now)(JSON.stringify({ login: 'l', evidence }));

const usedUp: AccountEvent = { kind: 'quota-exhausted', until: T + 60 * MINUTE, at: T };
const suspended: AccountEvent = { kind: 'deactivated', code: 'account_suspended', at: T };
const everything = after(
  { kind: 'served', startedAt: T - 2, at: T - 1 },
  { kind: 'rate-limited', retryAfterMs: null, startedAt: T, at: T },
  { kind: 'forbidden', startedAt: T, at: T },
  { kind: 'upstream-error', startedAt: T, at: T },
  { kind: 'not-entitled', model: 'gpt-one', at: T },
  { kind: 'not-entitled', model: '__proto__', at: T },
  suspended,
  usedUp,
);

const refusal = (kind: string, at: number, until: number) => read({ refusal: { kind, at, until } });

describe('evidence on record', () => {
  it('is restored unchanged', () => {
    const refused = { code: 'refresh_token_reused', at: T, isTokenRejected: false };
    const whole = { ...stored(everything), refused };
    expect(evidenceReader(T)(textOf(whole))).toEqual(whole);
    expect(everything).toMatchObject({ refusal: expect.anything(), deactivated: expect.anything() });
    expect(everything.modelRefusals.size).toBe(2);
    expect(evidenceReader(T)(textOf(stored(noEvidence)))).toEqual(stored(noEvidence));
  });

  it('from an older version gets defaults for missing fields and loses unknown ones', () => {
    expect(read({})).toEqual(stored(noEvidence));
    expect(read({ errorsInARow: 2, moodInARow: 7 })).toEqual(stored({ ...noEvidence, errorsInARow: 2 }));
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a torn end', textOf(stored(everything)).slice(0, -9)],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no evidence', '{"login":"l"}'],
    ['no login', '{"evidence":{}}'],
    ['an unknown kind', '{"login":"l","evidence":{"refusal":{"kind":"tired","at":1,"until":2}}}'],
    ['text for a time', '{"login":"l","evidence":{"refusal":{"kind":"forbidden","at":"1","until":2}}}'],
    ['a refusal without an end', '{"login":"l","evidence":{"refusal":{"kind":"forbidden","at":1}}}'],
    ['text for a number', '{"login":"l","evidence":{"errorsInARow":"3"}}'],
    ['a number below zero', '{"login":"l","evidence":{"errorsInARow":-3}}'],
    ['a number that is too large', '{"login":"l","evidence":{"lastSuccessAt":1e999}}'],
    ['text for models', '{"login":"l","evidence":{"modelRefusals":"gpt-one"}}'],
    ['a model without an end', '{"login":"l","evidence":{"modelRefusals":[["gpt-one"]]}}'],
    ['a deactivation without a code', '{"login":"l","evidence":{"deactivated":{"at":1}}}'],
  ])('is not read from %s', (_case, text) => {
    expect(evidenceReader(T)(text)).toBeNull();
  });
});

describe('an end on record', () => {
  it('is never later than the longest window after the refusal', () => {
    const at = T - DAY;
    expect(refusal('quota-exhausted', at, YEAR_2446)?.evidence.refusal).toEqual({
      kind: 'quota-exhausted',
      at,
      until: at + limits.quotaLongestMs,
      pollFrom: at,
    });
    const models = [
      ['gpt-one', YEAR_2446],
      ['gpt-two', T + MINUTE],
      ['gpt-past', T - 1],
    ];
    expect([...(read({ modelRefusals: models })?.evidence.modelRefusals ?? [])]).toEqual([
      ['gpt-one', T + limits.notEntitledMs],
      ['gpt-two', T + MINUTE],
    ]);
  });

  it('of a refusal from a clock in the future keeps its length, counted from now', () => {
    expect(refusal('forbidden', YEAR_2446, YEAR_2446 + 5 * MINUTE)?.evidence.refusal).toEqual({
      kind: 'forbidden',
      at: T,
      until: T + 5 * MINUTE,
      pollFrom: T,
    });
    expect(refusal('forbidden', T, T - MINUTE)?.evidence.refusal?.until).toBe(T);
    const later = read({ deactivated: { code: 'account_deleted', at: YEAR_2446 }, lastSuccessAt: YEAR_2446 });
    expect(later?.evidence).toMatchObject({ deactivated: { at: T }, lastSuccessAt: T });
  });

  it('is kept for a bounded number of models', () => {
    const models = Array.from({ length: limits.modelRefusalsPerAccount + 5 }, (_, i) => [`m${i}`, T + 1]);
    const kept = [...(read({ modelRefusals: models })?.evidence.modelRefusals.keys() ?? [])];
    expect(kept).toHaveLength(limits.modelRefusalsPerAccount);
    expect(kept.at(-1)).toBe(models.at(-1)?.[0]);
  });
});

describe('another login of the same account', () => {
  const before: StoredEvidence = {
    ...stored(everything),
    refused: { code: 'invalid_grant', at: T, isTokenRejected: false },
  };

  it('ends refusals of the old login, but not its lack of quota', () => {
    expect(evidenceForLogin(before, 'l', T)).toBe(before);
    const renewed = evidenceForLogin(before, 'another', T);
    expect(renewed).toMatchObject({ login: 'another', refused: null, evidence: { deactivated: null } });
    expect(renewed.evidence.refusal).toMatchObject({ kind: 'quota-exhausted' });
  });
});
