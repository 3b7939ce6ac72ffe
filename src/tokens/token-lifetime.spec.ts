import { describe, expect, it } from 'vitest';
import { madeUpJwt } from '../fake-upstream/script/made-up-credentials.js';
import { credentialOf } from './credential-file/credential.js';
import { leewayOf, tokenEndsAt } from './token-lifetime.js';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 22, 12);

/** A token by its claims; times are hours from noon, by the issuer's clock. */
const token = (
  claims: { readonly iat?: number; readonly exp?: number } | null,
  lastRefresh: number | null = null,
) =>
  credentialOf({
    accessToken:
      claims === null
        ? 'opaque'
        : madeUpJwt(
            Object.fromEntries(
              Object.entries(claims).map(([name, at]) => [name, (NOON + at * HOUR) / 1_000]),
            ),
          ),
    refreshToken: 'rt',
    idToken: null,
    accountId: 'acct',
    lastRefreshAt: lastRefresh === null ? null : NOON + lastRefresh * HOUR,
  });

const hour = { iat: 0, exp: 1 };

describe('the end of an access token', () => {
  // Hours from noon by this machine's clock: when it was granted, and how far upstream's clock is ahead.
  it.each<[string, ReturnType<typeof token>, number | null, number, number | null]>([
    ['is its expiry, from a file', token(hour), null, 0, 1],
    ["is its expiry by upstream's clock, from a file", token(hour), null, 2, -1],
    ['is its lifetime after it was granted', token(hour), 0, 0, 1],
    ['is its lifetime after it was granted, with this clock ahead', token(hour), 2, 0, 3],
    ['is its lifetime after it was granted, with this clock behind', token(hour), -2, 0, -1],
    ['ignores the difference of the clocks once granted', token(hour), 0, 2, 1],
    ['ignores a wrong correction once granted', token(hour), 5, -7, 6],
    ['is its expiry if a granted token does not say when it was issued', token({ exp: 1 }), 0, 0, 1],
    ['is its corrected expiry if a granted token does not say', token({ exp: 1 }), -2, 2, -1],
    ['is unknown if a granted token looks ended at once', token({ exp: 1 }), 2, 0, null],
    ['is unknown if it expires before it was issued', token({ iat: 1, exp: 1 }), 0, 0, null],
    ['is unknown without any time', token(null), null, 2, null],
    ['is eight days after the last refresh, by this clock', token(null, 0), null, 2, 192],
    ['is eight days after its grant, by this clock', token({ iat: 0 }, 0), 0, 2, 192],
  ])('%s', (_case, credential, granted, skew, expected) => {
    const grantedAt = granted === null ? null : NOON + granted * HOUR;
    const endsAt = tokenEndsAt({ credential, grantedAt }, skew * HOUR);
    expect(endsAt === null ? null : (endsAt - NOON) / HOUR).toBe(expected);
  });

  it('leaves a short-lived token most of its life', () => {
    const credential = token(hour);
    expect(leewayOf({ credential, grantedAt: NOON }, NOON + 60_000, HOUR)).toBe(15_000);
    expect(leewayOf({ credential, grantedAt: NOON }, NOON + 8 * HOUR, HOUR)).toBe(HOUR);
    expect(leewayOf({ credential, grantedAt: null }, NOON + 60_000, HOUR)).toBe(HOUR);
  });
});
