import { describe, expect, it } from 'vitest';
import { idle } from '../tokens/refresh-state.js';
import { type AccountQuota, type Credits, noNamedMeter, noQuota } from '../usage/account-quota.js';
import { statementOf } from '../usage/quota-report.js';
import type { QuotaWindow } from '../usage/quota-window.js';
import { type AccountEvidence, noEvidence } from './evidence/account-evidence.js';
import {
  anyTurn,
  GENERAL_SCOPE,
  meterScope,
  modelScope,
  type RefusalScope,
} from './evidence/refusal-scope.js';
import { noScopeEvidence, type Refusal, type ScopeEvidence } from './evidence/scope-evidence.js';
import { defaultSettings } from './account.js';
import { assess, type AssessedRequest, type AvailabilityFacts, dependsOnMeter } from './availability.js';

const NOW = 1_900_000_000_000;
const LATER = NOW + 60_000;
const MUCH_LATER = NOW + 3_600_000;

const fine: AvailabilityFacts = {
  withdrawal: null,
  settings: defaultSettings,
  refresh: idle,
  hasTokenEnded: false,
  evidence: noEvidence,
  quota: noQuota,
  inFlight: 0,
};

const settings = (changed: Partial<typeof defaultSettings>): Partial<AvailabilityFacts> => ({
  settings: { ...defaultSettings, ...changed },
});

const known = (scope: RefusalScope, evidence: Partial<ScopeEvidence>): AccountEvidence => ({
  ...noEvidence,
  scopes: new Map([[scope, { ...noScopeEvidence, ...evidence }]]),
});

const refused = (
  kind: Refusal['kind'],
  until: number,
  scope: RefusalScope = kind === 'quota-exhausted' ? GENERAL_SCOPE : 'account',
): Partial<AvailabilityFacts> => ({
  evidence: known(scope, { refusal: { kind, at: NOW - 1_000, until, pollFrom: NOW - 1_000 } }),
});

const deactivated: Partial<AvailabilityFacts> = {
  evidence: { ...noEvidence, deactivated: { code: 'account_suspended', at: NOW - 1_000 } },
};

const refusesModel = (model: string, until: number): Partial<AvailabilityFacts> => ({
  ...refused('not-entitled', until, modelScope(model)),
});

const waiting = (until: number, isTokenRejected: boolean): Partial<AvailabilityFacts> => ({
  refresh: {
    kind: 'waiting',
    until,
    failures: 1,
    reason: 'the token endpoint answered 500',
    isNetworkFault: false,
    isTokenRejected,
  },
});

const inDoubt = (until: number | null, isTokenRejected: boolean): Partial<AvailabilityFacts> => ({
  refresh: {
    kind: 'in-doubt',
    since: NOW - 1_000,
    isAgain: true,
    until,
    failures: 0,
    reason: 'reset',
    isTokenRejected,
  },
});

const ended: Partial<AvailabilityFacts> = { hasTokenEnded: true };

const loginSoon: Partial<AvailabilityFacts> = {
  refresh: { kind: 'refused', code: 'refresh_token_reused', at: NOW, isTokenRejected: false },
};

const loginNeeded: Partial<AvailabilityFacts> = {
  refresh: { kind: 'refused', code: 'refresh_token_reused', at: NOW, isTokenRejected: true },
};

const window = (usedRatio: number, resetsAt: number | null, durationSeconds = 18_000): QuotaWindow => ({
  durationSeconds,
  usedRatio,
  resetsAt,
  seenAt: NOW - 1_000,
});

const quota = (
  windows: readonly QuotaWindow[],
  others: Partial<AccountQuota> = {},
  isAllowed: boolean | null = null,
): Partial<AvailabilityFacts> => ({
  quota: {
    ...noQuota,
    general: { windows, statement: statementOf(isAllowed, windows, NOW - 1_000), isRestored: false },
    ...others,
  },
});

const credits = (balance: number | null, isUnlimited = false): { credits: Credits } => ({
  credits: { hasCredits: balance !== 0, isUnlimited, balance },
});

const turn: AssessedRequest = { ...anyTurn, meters: ['codex'] };
const spark: AssessedRequest = { model: 'spark', feature: null, meters: ['codex_bengalfox'] };

const assessed = (facts: Partial<AvailabilityFacts>, request = turn) =>
  assess({ ...fine, ...facts }, request, NOW);

const why = (facts: Partial<AvailabilityFacts>, model: string | null = null) =>
  assessed(facts, { ...turn, model }).unavailable;

const withFacts = (changed: Partial<AvailabilityFacts>) => ({ ...fine, ...changed });
const servedAt = (at: number) => ({ evidence: known(GENERAL_SCOPE, { lastSuccessAt: at }) });

describe('the assessment', () => {
  it.each<[string, Partial<AvailabilityFacts>]>([
    ['nothing rules it out', {}],
    ['its refusal has ended', refused('rate-limited', NOW)],
    [
      'its cooldown began while the clock was ahead',
      {
        evidence: known('account', {
          refusal: { kind: 'unauthorized', at: NOW + 3_600_000, until: NOW + 7_200_000, pollFrom: 0 },
        }),
      },
    ],
    ['99 % of its window is used', { ...quota([window(0.99, LATER)]) }],
    ['its full window has reset', { ...quota([window(1, NOW)]) }],
    ['nothing is known about its windows', { ...quota([]) }],
    ['a full window has no known reset', { ...quota([window(1, null)]) }],
    ['its refresh fails', waiting(LATER, false)],
    ['its refresh fails, and its token seems to have ended', { ...waiting(LATER, false), ...ended }],
    ['its refresh may be tried again', { ...waiting(NOW, true), ...ended }],
    ['its refresh is in doubt', inDoubt(LATER, false)],
    ['its refresh is in doubt, and its token seems to have ended', { ...inDoubt(LATER, false), ...ended }],
    ['its refresh is in doubt, and may be tried', inDoubt(null, true)],
    ['its refresh token is refused', loginSoon],
    ['its refresh token is refused, and its token seems to have ended', { ...loginSoon, ...ended }],
    ['it has room for one more', { ...settings({ maxInFlight: 2 }), inFlight: 1 }],
    ['it has any number in flight and no cap', { inFlight: 1_000 }],
    ['it refuses a model that is not requested', refusesModel('gpt-9', LATER)],
    ['its reserve is not touched', { ...settings({ reserveRatio: 0.2 }), ...quota([window(0.79, LATER)]) }],
  ])('makes an account available when %s', (_case, facts) => {
    expect(why(facts)).toBeNull();
  });

  it.each<[string, Partial<AvailabilityFacts>, string, number | null]>([
    ['its file is gone', { withdrawal: { reason: 'removed', why: null } }, 'removed', null],
    [
      'its file is broken, whatever else is true',
      { ...settings({ isPaused: true }), withdrawal: { reason: 'broken-file', why: 'the file is empty' } },
      'broken-file',
      null,
    ],
    ['it is paused', settings({ isPaused: true }), 'paused', null],
    ['it is deactivated', deactivated, 'deactivated', null],
    ['it needs a login', loginNeeded, 'needs-login', null],
    ['its token is rejected, and its refresh is in doubt', inDoubt(LATER, true), 'refresh-failing', LATER],
    ['its token is rejected and cannot be refreshed now', waiting(LATER, true), 'refresh-failing', LATER],
    ['it is rate limited', refused('rate-limited', LATER), 'rate-limited', LATER],
    ['it reached its usage limit', refused('quota-exhausted', LATER), 'quota-exhausted', LATER],
    ['its token was rejected', refused('unauthorized', LATER), 'unauthorized', LATER],
    ['upstream keeps failing for it', refused('upstream-error', LATER), 'upstream-error', LATER],
    ['a window is full', { ...quota([window(1, LATER)]) }, 'quota-exhausted', LATER],
    ['a window is more than full', { ...quota([window(1.2, LATER)]) }, 'quota-exhausted', LATER],
    [
      'the rest of a window is reserved',
      { ...settings({ reserveRatio: 0.2 }), ...quota([window(0.85, LATER)]) },
      'reserved',
      LATER,
    ],
    ['it is at its cap', { ...settings({ maxInFlight: 2 }), inFlight: 2 }, 'full', null],
  ])('keeps an account out when %s', (_case, facts, reason, until) => {
    expect(why(facts)).toEqual({ reason, until });
  });

  it.each<[string, Partial<AvailabilityFacts>, boolean]>([
    ['its refresh fails', waiting(LATER, false), true],
    ['its refresh may be tried again', waiting(NOW, false), false],
    ['its refresh is in doubt and paused', inDoubt(LATER, false), true],
    ['its refresh is in doubt and may be tried', inDoubt(null, false), false],
    ['its refresh token is refused', loginSoon, true],
    ['it can be refreshed', {}, false],
    ['it is full', { ...loginSoon, ...settings({ maxInFlight: 1 }), inFlight: 1 }, true],
    ['it is out anyway', { ...loginSoon, ...settings({ isPaused: true }) }, false],
  ])('makes an account whose token seems to have ended the last resort if %s', (_case, facts, isLast) => {
    expect(assessed({ ...facts, ...ended }).isLastResort).toBe(isLast);
    expect(assessed(facts).isLastResort).toBe(false);
  });

  it('keeps an account out until the last of its full windows has reset', () => {
    const windows = [window(1, MUCH_LATER, 604_800), window(1, LATER), window(0.5, MUCH_LATER + 1)];
    expect(why(quota(windows))).toEqual({ reason: 'quota-exhausted', until: MUCH_LATER });
  });

  it('reports the later end when a refusal ends before a full window resets', () => {
    const facts = { ...refused('quota-exhausted', LATER), ...quota([window(1, MUCH_LATER, 604_800)]) };
    expect(why(facts)).toEqual({ reason: 'quota-exhausted', until: MUCH_LATER });
  });

  it('keeps an account out only for the model that it refuses, until that is forgotten', () => {
    expect(why(refusesModel('gpt-9', LATER), 'gpt-9')).toEqual({ reason: 'not-entitled', until: LATER });
    expect(why(refusesModel('gpt-9', LATER), 'gpt-5')).toBeNull();
    expect(why(refusesModel('gpt-9', NOW), 'gpt-9')).toBeNull();
  });

  it('reports reasons that need a person first', () => {
    const everything = {
      ...refused('rate-limited', LATER),
      ...loginNeeded,
      ...quota([window(1, LATER)]),
      inFlight: 5,
    };
    expect(why(everything)).toMatchObject({ reason: 'needs-login' });
    expect(why({ ...everything, ...settings({ isPaused: true }) })).toMatchObject({ reason: 'paused' });
  });
});

describe('the scope of a refusal', () => {
  const bengalfox = meterScope('codex_bengalfox');
  const sparkRoom = new Map([['codex_bengalfox', { ...noNamedMeter, windows: [window(0.1, LATER)] }]]);

  it.each<[string, Partial<AvailabilityFacts>, AssessedRequest, string | null]>([
    [
      'a spent meter keeps its own models out',
      refused('quota-exhausted', LATER, bengalfox),
      spark,
      'quota-exhausted',
    ],
    ['a spent meter leaves other models alone', refused('quota-exhausted', LATER, bengalfox), turn, null],
    ['a spent general quota leaves a meter with room alone', refused('quota-exhausted', LATER), spark, null],
    [
      'full general windows leave a meter with room alone',
      quota([window(1, LATER)], { meters: sparkRoom }),
      spark,
      null,
    ],
    [
      'a model that either meter may count is served while one of them has room',
      quota([window(1, LATER)], { meters: sparkRoom }),
      { ...spark, meters: ['codex', 'codex_bengalfox'] },
      null,
    ],
    ['refused images leave turns alone', refused('rate-limited', LATER, 'images'), turn, null],
    [
      'refused images are refused',
      refused('rate-limited', LATER, 'images'),
      { ...turn, feature: 'images' },
      'rate-limited',
    ],
    [
      'a spent general quota leaves images alone',
      refused('quota-exhausted', LATER),
      { ...turn, feature: 'images' },
      null,
    ],
    [
      'a rejected token concerns everything',
      refused('unauthorized', LATER),
      { ...spark, feature: 'images' },
      'unauthorized',
    ],
  ])('%s', (_case, facts, request, reason) => {
    expect(assessed(facts, request).unavailable?.reason ?? null).toBe(reason);
  });

  it('makes the model matter only while a meter is out or over its quota', () => {
    const both = ['codex', 'codex_bengalfox'];
    expect(dependsOnMeter(withFacts({}), both, NOW)).toBe(false);
    expect(dependsOnMeter(withFacts(refused('quota-exhausted', LATER, bengalfox)), both, NOW)).toBe(true);
    expect(dependsOnMeter(withFacts(quota([window(1, LATER)], {}, true)), both, NOW)).toBe(true);
  });
});

describe('a window at 100 %', () => {
  const spent = [window(1, LATER)];

  it.each<[string, Partial<AvailabilityFacts>, boolean]>([
    ['upstream allows it', quota(spent, {}, true), true],
    ['credits are unlimited', quota(spent, credits(null, true)), true],
    ['credits have a balance', quota(spent, credits(12.5)), true],
    ['credits are used up', quota(spent, credits(0)), false],
    ['a success is newer', { ...quota(spent), ...servedAt(NOW - 500) }, true],
    ['a success came with the number', { ...quota(spent), ...servedAt(NOW - 1_000) }, true],
    ['the last success is older', { ...quota(spent), ...servedAt(NOW - 2_000) }, false],
    [
      'the operator keeps its credits',
      { ...quota(spent, credits(12.5)), ...settings({ credits: 'never' }) },
      false,
    ],
    [
      'the operator keeps credits that it has not',
      { ...quota(spent, credits(0), true), ...settings({ credits: 'never' }) },
      true,
    ],
    [
      'upstream has refused it since',
      { ...quota(spent, {}, true), ...refused('quota-exhausted', LATER) },
      false,
    ],
  ])('serves after all other accounts if it may: %s', (_case, facts, isServed) => {
    const { unavailable, isOverQuota } = assessed(facts);
    expect(unavailable === null).toBe(isServed);
    expect(isOverQuota).toBe(isServed);
  });

  it('is over its quota only until its reset', () => {
    expect(assessed(quota([window(1, NOW)], {}, true)).isOverQuota).toBe(false);
    expect(assessed(quota([window(0.99, LATER)], {}, true)).isOverQuota).toBe(false);
  });
});

const restored = (use: 'last' | 'never'): Partial<AvailabilityFacts> => ({
  ...settings({ credits: use }),
  quota: { ...noQuota, general: { windows: [window(1, LATER)], statement: null, isRestored: true } },
});

describe('a window read from the database after a restart', () => {
  it('ranks the account last and takes it out only if its credits must not be used', () => {
    expect(assessed(restored('last'))).toMatchObject({ unavailable: null, isOverQuota: true });
    expect(assessed(restored('never')).unavailable).toMatchObject({ reason: 'quota-exhausted' });
  });
});

describe("upstream's own statement", () => {
  const half = [window(0.6, LATER), window(0.2, MUCH_LATER, 604_800)];

  it('takes an account out at any number, until its fullest window resets', () => {
    expect(why(quota(half, {}, false))).toEqual({ reason: 'quota-exhausted', until: LATER });
    expect(why(quota([], {}, false))).toEqual({ reason: 'quota-exhausted', until: NOW - 1_000 + 300_000 });
  });

  it('ends with the window that was the fullest then, whatever the others say', () => {
    const then = [window(1, NOW - 10), window(0.6, MUCH_LATER, 604_800)];
    const statement = { isAllowed: false, at: NOW - 5_000, until: NOW - 10 };
    expect(
      why({ quota: { ...noQuota, general: { windows: then, statement, isRestored: false } } }),
    ).toBeNull();
  });

  it('is outranked by a newer success', () => {
    const served = { evidence: known(GENERAL_SCOPE, { lastSuccessAt: NOW }) };
    expect(why({ ...quota(half, {}, false), ...served })).toBeNull();
  });
});
