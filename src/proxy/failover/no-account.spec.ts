import { describe, expect, it } from 'vitest';
import { Account } from '../../accounts/account.js';
import type { ConsideredCandidate } from '../../accounts/selection/account-selector.js';
import type { Unavailable } from '../../accounts/unavailable.js';
import { credentialOf } from '../../tokens/credential-file/credential.js';
import { idle } from '../../tokens/refresh-state.js';
import { type NoAccount, whyNoAccount } from './no-account.js';

const NOW = 1_900_000_000_000;
const NOW_SECONDS = NOW / 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function candidates(name: string, unavailable: Unavailable | null = null): ConsideredCandidate {
  const values = {
    accessToken: name,
    refreshToken: null,
    idToken: null,
    accountId: name,
    lastRefreshAt: null,
  };
  const credential = credentialOf(values);
  const account = new Account(name, {
    current: {
      name,
      credential,
      refresh: idle,
      warning: null,
      isLink: false,
      id: name,
      grantedAt: null,
      unsaved: null,
    },
  });
  return { account, unavailable, isOverQuota: false, usesCredits: false, isLastResort: false };
}

const out = (
  name: string,
  reason: Unavailable['reason'],
  afterMs: number | null = null,
): ConsideredCandidate => candidates(name, { reason, until: afterMs === null ? null : NOW + afterMs });

const free = (name: string): ConsideredCandidate => candidates(name);

function localResponse(accounts: readonly ConsideredCandidate[], end: Partial<NoAccount> = {}) {
  const all = {
    candidates: accounts,
    all: accounts,
    tried: new Set<string>(),
    lastOutcome: null,
    isCodex: false,
    problem: null,
  };
  return whyNoAccount({ ...all, ...end }, NOW);
}

describe('the local response when no account is available', () => {
  it.each<[string, ConsideredCandidate[], Partial<NoAccount>, number, string, string | undefined]>([
    [
      'accounts are left when the budget ends',
      [out('a', 'quota-exhausted', HOUR), free('b')],
      { tried: new Set(['a']), lastOutcome: 'quota-exhausted' },
      503,
      'attempt_budget_spent',
      '1',
    ],
    ['there is no account', [], {}, 503, 'no_account_available', undefined],
    [
      'every account needs a person',
      [out('a', 'paused'), out('b', 'needs-login'), out('c', 'deactivated')],
      {},
      503,
      'no_account_available',
      undefined,
    ],
    [
      'a cooldown ends within a minute',
      [out('a', 'rate-limited', 12_500), out('b', 'quota-exhausted', HOUR)],
      {},
      429,
      'accounts_cooling_down',
      '13',
    ],
    [
      'quota is used up',
      [out('a', 'quota-exhausted', 2 * HOUR), out('b', 'quota-exhausted', HOUR)],
      {},
      429,
      'usage_limit_reached',
      undefined,
    ],
    [
      'quota is used up and the other accounts need a person',
      [out('a', 'paused'), out('b', 'quota-exhausted', HOUR)],
      {},
      429,
      'usage_limit_reached',
      undefined,
    ],
    [
      'the network edge blocks, although accounts are left',
      [free('a'), free('b'), free('c')],
      { tried: new Set(['a', 'b']), lastOutcome: 'edge-block' },
      503,
      'upstream_blocked',
      '5',
    ],
    [
      'cooldowns are long',
      [out('a', 'unauthorized', 5 * MINUTE), out('b', 'upstream-error', 2 * MINUTE)],
      {},
      503,
      'accounts_cooling_down',
      '120',
    ],
    [
      'upstream cannot be reached',
      [free('a'), free('b')],
      { tried: new Set(['a', 'b']), lastOutcome: 'unreachable' },
      503,
      'upstream_unreachable',
      '2',
    ],
    [
      'the only account with quota cannot reach upstream',
      [out('a', 'quota-exhausted', HOUR), free('b')],
      { tried: new Set(['b']), lastOutcome: 'unreachable' },
      503,
      'upstream_unreachable',
      '2',
    ],
    [
      'the remaining quota is reserved',
      [out('a', 'reserved', 2 * HOUR), out('b', 'quota-exhausted', HOUR), out('c', 'paused')],
      {},
      503,
      'quota_reserved',
      undefined,
    ],
    [
      'the remaining quota is reserved, and the other accounts are at their cap',
      [out('a', 'reserved', HOUR), out('b', 'full')],
      {},
      503,
      'pool_full',
      '1',
    ],
    ['every account is at its cap', [out('a', 'full'), out('b', 'full')], {}, 503, 'pool_full', '1'],
    [
      'the only account with quota is at its cap',
      [out('a', 'quota-exhausted', HOUR), out('b', 'full')],
      {},
      503,
      'pool_full',
      '1',
    ],
  ])('has its own code when %s', (_case, accounts, end, status, code, retryAfter) => {
    const response = localResponse(accounts, end);
    expect(response).toMatchObject({ status, code });
    expect(response.headers?.['retry-after']).toBe(retryAfter);
    expect([401, 403]).not.toContain(response.status);
  });

  it('gives the earliest reset of quota in whole seconds, and ignores cooldowns', () => {
    const response = localResponse([
      out('a', 'quota-exhausted', 2 * HOUR),
      out('b', 'quota-exhausted', HOUR + 400),
      out('c', 'unauthorized', 5 * MINUTE),
    ]);
    expect(response.type).toBe('usage_limit_reached');
    expect(response.fields).toMatchObject({
      resets_at: NOW_SECONDS + 3_601,
      resets_in_seconds: 3_601,
      plan_type: expect.any(String),
    });
  });

  it('names the accounts whose quota is reserved; for Codex it is a 400', () => {
    const accounts = [
      out('a', 'reserved', HOUR),
      out('b', 'quota-exhausted', HOUR),
      out('c', 'reserved', HOUR),
    ];
    expect(localResponse(accounts).message).toContain('a, c');
    expect(localResponse(accounts, { isCodex: true })).toEqual({ ...localResponse(accounts), status: 400 });
  });

  it('names every account and its problem when a person must act', () => {
    const { message } = localResponse([
      out('work', 'paused'),
      out('home', 'needs-login'),
      out('old', 'deactivated'),
    ]);
    for (const words of ['work is paused', 'home needs a login', 'old is deactivated'])
      expect(message).toContain(words);
  });

  it('is a 400 for Codex, which prints it at once', () => {
    const accounts = [out('a', 'paused')];
    expect(localResponse(accounts, { isCodex: true })).toEqual({ ...localResponse(accounts), status: 400 });
  });

  it('reports a long cooldown to Codex in a 400, because Codex silently waits out a Retry-After', () => {
    const accounts = [out('a', 'unauthorized', 5 * MINUTE)];
    const response = localResponse(accounts, { isCodex: true });
    expect(response).toMatchObject({ status: 400, code: 'accounts_cooling_down' });
    expect(response.headers).toBeUndefined();
    expect(response.message).toContain('back in 5 min');
    expect(localResponse(accounts).headers?.['retry-after']).toBe('300');
  });

  it('gives the reason of every account that is out, and the known problem of the network', () => {
    const accounts = [out('work', 'quota-exhausted', 38 * MINUTE), out('home', 'paused')];
    const { message } = localResponse(accounts, { problem: 'This machine cannot reach upstream.' });
    expect(message).toContain('work is at its limit (back in 38 min, at ');
    expect(message).toContain('home is paused');
    expect(message).toContain('This machine cannot reach upstream.');
  });

  it('names at most ten accounts', () => {
    const accounts = Array.from({ length: 25 }, (_, i) => out(`a${i}`, 'paused'));
    expect(localResponse(accounts).message).toContain('a9 is paused; and 15 more.');
  });

  it('gives the cause when upstream does not serve this country, with a status that ends the turn', () => {
    const end = { lastOutcome: 'wrong-place', tried: new Set(['a']) } as const;
    expect(localResponse([free('a')], end)).toMatchObject({
      status: 403,
      code: 'unsupported_country_region_territory',
    });
    expect(localResponse([free('a')], { ...end, isCodex: true }).status).toBe(400);
  });
});
