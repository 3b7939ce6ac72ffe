import { describe, expect, it } from 'vitest';
import { idle } from '../tokens/refresh-state.js';
import type { QuotaWindow } from '../usage/quota-window.js';
import { noEvidence, type Refusal } from './account-evidence.js';
import { defaultSettings } from './account.js';
import { type AvailabilityFacts, whyUnavailable } from './availability.js';

const NOW = 1_900_000_000_000;
const LATER = NOW + 60_000;
const MUCH_LATER = NOW + 3_600_000;

const fine: AvailabilityFacts = {
  withdrawal: null,
  settings: defaultSettings,
  refresh: idle,
  tokenEndsAt: MUCH_LATER,
  evidence: noEvidence,
  windows: [],
  inFlight: 0,
};

const settings = (changed: Partial<typeof defaultSettings>): Partial<AvailabilityFacts> => ({
  settings: { ...defaultSettings, ...changed },
});

const refused = (kind: Refusal['kind'], until: number): Partial<AvailabilityFacts> => ({
  evidence: { ...noEvidence, refusal: { kind, at: NOW - 1_000, until, pollFrom: NOW - 1_000 } },
});

const deactivated: Partial<AvailabilityFacts> = {
  evidence: { ...noEvidence, deactivated: { code: 'account_suspended', at: NOW - 1_000 } },
};

const refusesModel = (model: string, until: number): Partial<AvailabilityFacts> => ({
  evidence: { ...noEvidence, modelRefusals: new Map([[model, until]]) },
});

const waiting = (until: number, tokenEndsAt: number | null): Partial<AvailabilityFacts> => ({
  refresh: {
    kind: 'waiting',
    until,
    failures: 1,
    reason: 'the token endpoint answered 500',
    isNetworkFault: false,
  },
  tokenEndsAt,
});

const inDoubt = (until: number | null, tokenEndsAt: number | null): Partial<AvailabilityFacts> => ({
  refresh: { kind: 'in-doubt', since: NOW - 1_000, isAgain: true, until, failures: 0, reason: 'reset' },
  tokenEndsAt,
});

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

const why = (facts: Partial<AvailabilityFacts>, model: string | null = null) =>
  whyUnavailable({ ...fine, ...facts }, model, NOW);

describe('whyUnavailable', () => {
  it.each<[string, Partial<AvailabilityFacts>]>([
    ['nothing speaks against it', {}],
    ['its refusal has ended', refused('rate-limited', NOW)],
    [
      'its cooldown began while the clock was ahead',
      {
        evidence: {
          ...noEvidence,
          refusal: { kind: 'unauthorized', at: NOW + 3_600_000, until: NOW + 7_200_000, pollFrom: 0 },
        },
      },
    ],
    ['its window is used to the last percent but one', { windows: [window(0.99, LATER)] }],
    ['its full window has reset', { windows: [window(1, NOW)] }],
    ['nothing is known of its windows', { windows: [] }],
    ['a full window has no known reset', { windows: [window(1, null)] }],
    ['its refresh fails, and its token is still good', waiting(LATER, NOW + 1)],
    ['its refresh fails, and the expiry of its token is unknown', waiting(LATER, null)],
    ['its refresh may be tried again', waiting(NOW, NOW)],
    ['its refresh is in doubt, and its token is still good', inDoubt(LATER, NOW + 1)],
    ['its refresh is in doubt, and may be tried', inDoubt(null, NOW)],
    ['its refresh token is refused, and its token is still good', { ...loginSoon, tokenEndsAt: NOW + 1 }],
    ['it has room for one more', { ...settings({ maxInFlight: 2 }), inFlight: 1 }],
    ['it has any number in flight and no cap', { inFlight: 1_000 }],
    ['it refuses a model that is not requested', refusesModel('gpt-9', LATER)],
    ['its reserve is not touched', { ...settings({ reserveRatio: 0.2 }), windows: [window(0.79, LATER)] }],
  ])('makes an account available when %s', (_case, facts) => {
    expect(why(facts)).toBeNull();
  });

  it.each<[string, Partial<AvailabilityFacts>, string, number | null]>([
    ['its file is gone', { withdrawal: { reason: 'removed', why: null } }, 'removed', null],
    [
      'its file is broken, whatever else holds',
      { ...settings({ isPaused: true }), withdrawal: { reason: 'broken-file', why: 'the file is empty' } },
      'broken-file',
      null,
    ],
    ['it is paused', settings({ isPaused: true }), 'paused', null],
    ['it is deactivated', deactivated, 'deactivated', null],
    ['it needs a login', loginNeeded, 'needs-login', null],
    [
      'its refresh token is refused, and its token has ended',
      { ...loginSoon, tokenEndsAt: NOW },
      'needs-login',
      null,
    ],
    ['its token has ended, and its refresh is in doubt', inDoubt(LATER, NOW), 'refresh-failing', LATER],
    ['its token has ended and cannot be refreshed now', waiting(LATER, NOW), 'refresh-failing', LATER],
    ['it is rate limited', refused('rate-limited', LATER), 'rate-limited', LATER],
    ['it was refused its quota', refused('quota-exhausted', LATER), 'quota-exhausted', LATER],
    ['it was rejected', refused('unauthorized', LATER), 'unauthorized', LATER],
    ['it was forbidden', refused('forbidden', LATER), 'forbidden', LATER],
    ['it fails upstream', refused('upstream-error', LATER), 'upstream-error', LATER],
    ['a window is full', { windows: [window(1, LATER)] }, 'quota-exhausted', LATER],
    ['a window is more than full', { windows: [window(1.2, LATER)] }, 'quota-exhausted', LATER],
    [
      'the rest of a window is reserved',
      { ...settings({ reserveRatio: 0.2 }), windows: [window(0.85, LATER)] },
      'reserved',
      LATER,
    ],
    ['it is at its cap', { ...settings({ maxInFlight: 2 }), inFlight: 2 }, 'full', null],
  ])('keeps an account out when %s', (_case, facts, reason, until) => {
    expect(why(facts)).toEqual({ reason, until });
  });

  it('keeps an account out until the last of its full windows has reset', () => {
    const windows = [window(1, MUCH_LATER, 604_800), window(1, LATER), window(0.5, MUCH_LATER + 1)];
    expect(why({ windows })).toEqual({ reason: 'quota-exhausted', until: MUCH_LATER });
  });

  it('reports the later end when a refusal ends before a full window resets', () => {
    const facts = { ...refused('quota-exhausted', LATER), windows: [window(1, MUCH_LATER, 604_800)] };
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
      windows: [window(1, LATER)],
      inFlight: 5,
    };
    expect(why(everything)).toMatchObject({ reason: 'needs-login' });
    expect(why({ ...everything, ...settings({ isPaused: true }) })).toMatchObject({ reason: 'paused' });
  });
});
