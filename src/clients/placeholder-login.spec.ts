import { describe, expect, it } from 'vitest';
import { PLACEHOLDER_PREFIX } from '../tokens/credential-file/other-login.js';
import { placeholderLogin } from './placeholder-login.js';
import { Secret } from '../runtime/secret.js';
import { readClaims } from '../tokens/credential-file/access-token-claims.js';

const made = (clientToken: Secret | null) => JSON.parse(JSON.stringify(placeholderLogin(clientToken)));

describe('a placeholder login', () => {
  it('is a Codex auth.json of plan pro that is good until 2100', () => {
    expect(made(null).auth_mode).toBe('chatgpt');
    expect(readClaims(made(null).tokens.access_token)).toMatchObject({
      plan: 'pro',
      expiresAt: Date.UTC(2100, 0, 1),
    });
    for (const jwt of [made(null).tokens.id_token, made(null).tokens.access_token]) {
      expect(jwt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    }
  });

  it('is recognized by the prefix of its account id and refresh token', () => {
    const { account_id: accountId, refresh_token: refreshToken } = made(null).tokens;
    expect(accountId.startsWith(PLACEHOLDER_PREFIX)).toBe(true);
    expect(refreshToken.startsWith(PLACEHOLDER_PREFIX)).toBe(true);
  });

  it('carries the client token unchanged, and is then never due for a refresh', () => {
    const login = made(new Secret('client-token'));
    expect(login.tokens.access_token).toBe('client-token');
    expect(login.tokens.id_token).toBe(made(null).tokens.id_token);
    expect(Date.parse(login.last_refresh)).toBe(Date.UTC(2100, 0, 1));
  });
});
