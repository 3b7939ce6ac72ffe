import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { type AccountEvidence, evidenceIn, noEvidence } from './account-evidence.js';
import { learn } from './evidence-learning.js';
import type { AccountEvent } from './account-event.js';
import { GENERAL_SCOPE, type RefusalScope } from './refusal-scope.js';
import { noScopeEvidence } from './scope-evidence.js';
import { evidenceReader, type StoredEvidence, evidenceForLogin, textOf } from './evidence-codec.js';

const T = 1_900_000_000_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const YEAR_2446 = Date.UTC(2446, 0, 1);

const after = (...events: AccountEvent[]): AccountEvidence => events.reduce(learn, noEvidence);
const stored = (evidence: AccountEvidence): StoredEvidence => ({ evidence, login: 'l', refused: null });
const read = (evidence: object, now = T): StoredEvidence | null =>
  evidenceReader(now)(JSON.stringify({ login: 'l', evidence }));

const scope = 'account';
const usedUp: AccountEvent = {
  kind: 'quota-exhausted',
  scope: GENERAL_SCOPE,
  meteredModel: 'm',
  until: T + 60 * MINUTE,
  at: T,
};
const suspended: AccountEvent = { kind: 'deactivated', code: 'account_suspended', at: T };
const everything = after(
  {
    kind: 'served',
    scopes: [scope, GENERAL_SCOPE, 'images'],
    meteredModel: null,
    startedAt: T - 2,
    at: T - 1,
  },
  { kind: 'rate-limited', scope, meteredModel: null, retryAfterMs: null, startedAt: T, at: T },
  { kind: 'forbidden', scope, at: T },
  { kind: 'upstream-error', scope: 'images', startedAt: T, at: T },
  { kind: 'not-entitled', model: 'gpt-one', at: T },
  { kind: 'not-entitled', model: '__proto__', at: T },
  suspended,
  usedUp,
);

/** The refusal in a row of version 0.1, looked up in the scope that it has now. */
const refusal = (kind: string, at: number, until: number, of: RefusalScope = scope) => {
  const restored = read({ refusal: { kind, at, until } });
  return restored === null ? null : evidenceIn(restored.evidence, of).refusal;
};

describe('evidence on record', () => {
  it('is restored unchanged', () => {
    const refused = { code: 'refresh_token_reused', at: T, isTokenRejected: false };
    const whole = { ...stored(everything), refused };
    expect(evidenceReader(T)(textOf(whole))).toEqual(whole);
    expect(everything.scopes.size).toBe(5);
    expect(everything.deactivated).not.toBeNull();
    expect(evidenceReader(T)(textOf(stored(noEvidence)))).toEqual(stored(noEvidence));
  });

  it('gets defaults for missing fields and loses unknown ones', () => {
    expect(read({ scopes: [] })).toEqual(stored(noEvidence));
    const known = { ...noScopeEvidence, errorsInARow: 2 };
    expect(read({ scopes: [['images', { errorsInARow: 2, moodInARow: 7 }]] })).toEqual(
      stored({ ...noEvidence, scopes: new Map([['images', known]]) }),
    );
  });

  it('from version 0.1 finds its scope: a lack of quota is the general meter’s, and a 403 is no longer a refusal', () => {
    const row = {
      refusal: { kind: 'quota-exhausted', at: T, until: T + MINUTE, pollFrom: T },
      deactivated: null,
      modelRefusals: [['gpt-one', T + MINUTE]],
      errorsInARow: 2,
      lastSuccessAt: T - 5,
    };
    const evidence = read(row)?.evidence ?? noEvidence;
    expect(evidenceIn(evidence, GENERAL_SCOPE).refusal).toMatchObject({
      kind: 'quota-exhausted',
      until: T + MINUTE,
    });
    expect(evidenceIn(evidence, scope)).toMatchObject({
      refusal: null,
      errorsInARow: 2,
      lastSuccessAt: T - 5,
    });
    expect(evidenceIn(evidence, 'model:gpt-one').refusal).toMatchObject({
      kind: 'not-entitled',
      until: T + MINUTE,
    });
    expect(refusal('rate-limited', T, T + MINUTE)).toMatchObject({ kind: 'rate-limited', until: T + MINUTE });
    expect(refusal('forbidden', T, T + MINUTE)).toBeNull();
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
    ['text for a time', '{"login":"l","evidence":{"refusal":{"kind":"rate-limited","at":"1","until":2}}}'],
    ['a refusal without an end', '{"login":"l","evidence":{"refusal":{"kind":"rate-limited","at":1}}}'],
    ['text for a number', '{"login":"l","evidence":{"errorsInARow":"3"}}'],
    ['a number below zero', '{"login":"l","evidence":{"errorsInARow":-3}}'],
    ['a number that is too large', '{"login":"l","evidence":{"lastSuccessAt":1e999}}'],
    ['text for scopes', '{"login":"l","evidence":{"scopes":"gpt-one"}}'],
    ['a model without an end', '{"login":"l","evidence":{"modelRefusals":[["gpt-one"]]}}'],
    ['an unknown scope', '{"login":"l","evidence":{"scopes":[["mood",{}]]}}'],
    ['a deactivation without a code', '{"login":"l","evidence":{"deactivated":{"at":1}}}'],
  ])('is not read from %s', (_case, text) => {
    expect(evidenceReader(T)(text)).toBeNull();
  });
});

describe('an end on record', () => {
  it('is never later than the longest window after the refusal', () => {
    const at = T - DAY;
    expect(refusal('quota-exhausted', at, YEAR_2446, GENERAL_SCOPE)).toEqual({
      kind: 'quota-exhausted',
      at,
      until: at + limits.quotaLongestMs,
      pollFrom: at,
    });
    const model = read({ modelRefusals: [['gpt-one', YEAR_2446]] })?.evidence ?? noEvidence;
    expect(evidenceIn(model, 'model:gpt-one').refusal?.until).toBe(T + limits.notEntitledMs);
  });

  it('of a refusal from a clock in the future keeps its length, counted from now', () => {
    expect(refusal('rate-limited', YEAR_2446, YEAR_2446 + 5 * MINUTE)).toEqual({
      kind: 'rate-limited',
      at: T,
      until: T + 5 * MINUTE,
      pollFrom: T,
    });
    expect(refusal('rate-limited', T, T - MINUTE)?.until).toBe(T);
    const later = read({ deactivated: { code: 'account_deleted', at: YEAR_2446 }, lastSuccessAt: YEAR_2446 });
    expect(later?.evidence).toMatchObject({ deactivated: { at: T } });
    expect(evidenceIn(later?.evidence ?? noEvidence, scope).lastSuccessAt).toBe(T);
  });

  it('is kept for a bounded number of scopes', () => {
    const scopes = Array.from({ length: limits.scopesPerAccount + 5 }, (_, i) => [`model:m${i}`, {}]);
    const kept = [...(read({ scopes })?.evidence.scopes.keys() ?? [])];
    expect(kept).toHaveLength(limits.scopesPerAccount);
    expect(kept.at(-1)).toBe(scopes.at(-1)?.[0]);
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
    expect(evidenceIn(renewed.evidence, GENERAL_SCOPE).refusal).toMatchObject({ kind: 'quota-exhausted' });
  });
});
