import { describe, expect, it } from 'vitest';
import { placeholderLogin } from './placeholder-login.js';
import { credentialOf } from '../tokens/credential-file/credential.js';
import { sharingOf } from './shared-login.js';

const NOW = 1_900_000_000_000;
const IN_TEN_DAYS = NOW / 1_000 + 864_000;
const jwt = (payload: object) => `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.sig`;
const token = (accountId: string, userId: string | null, rest: object = {}) =>
  jwt({
    exp: IN_TEN_DAYS,
    'https://api.openai.com/auth': { chatgpt_account_id: accountId, chatgpt_user_id: userId },
    ...rest,
  });
const mine = (accessToken: string, accountId: string | null = null) =>
  credentialOf({ accessToken, accountId, refreshToken: 'r', idToken: null, lastRefreshAt: NOW });
const signed = mine(token('acct-1', 'user-1'));

describe("a client's bearer token beside an account of the pool", () => {
  it.each([
    ['the same token', token('acct-1', 'user-1'), 'same-tokens'],
    ['another generation', token('acct-1', 'user-1', { jti: 'next' }), 'other-tokens'],
    ['an older generation that has expired', token('acct-1', 'user-1', { exp: 1_000 }), 'other-tokens'],
    ['one that names no user', token('acct-1', null), 'other-tokens'],
    ['another user of the same workspace', token('acct-1', 'user-2'), null],
    ['another account', token('acct-2', 'user-1'), null],
    ['a placeholder login of the same ids', token('acct-1', 'user-1', { exp: 4_102_444_800 }), null],
    ['an opaque token', 'some-client-token', null],
    ['a token that cannot be read', 'e30.%%%.sig', null],
    ['nothing', '', null],
  ])('%s', (_what, bearer, expected) => {
    expect(sharingOf(bearer, signed, NOW)).toBe(expected);
  });

  it("recognizes one of the pool's opaque tokens by its value", () => {
    expect(sharingOf('opaque', mine('opaque', 'acct-1'), NOW)).toBe('same-tokens');
    expect(sharingOf('other', mine('opaque', 'acct-1'), NOW)).toBeNull();
  });

  it('ignores the placeholder login that the program makes', () => {
    const { tokens } = JSON.parse(JSON.stringify(placeholderLogin(null)));
    expect(sharingOf(tokens.access_token, signed, NOW)).toBeNull();
  });
});
