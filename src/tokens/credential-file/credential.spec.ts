import { describe, expect, it } from 'vitest';
import { isNewerGeneration, parseCredential } from './credential.js';

const jwt = (payload: object) => `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.sig`;
const auth = { chatgpt_account_id: 'acct-1', chatgpt_user_id: 'user-1', chatgpt_plan_type: 'Pro' };
const file = (tokens: object | null, rest: object = {}) => JSON.stringify({ tokens, ...rest });

const of = (token: string, at: string) => {
  const parsed = parseCredential(
    file({ access_token: token, refresh_token: `r-${token}` }, { last_refresh: at }),
  );
  if (parsed.kind !== 'ok') throw new Error(parsed.reason);
  return parsed.credential;
};

describe('a credential file', () => {
  it("gives the account, user, plan, e-mail and the access token's expiry", () => {
    const text = file({
      access_token: jwt({ exp: 2_000, 'https://api.openai.com/auth': auth }),
      id_token: jwt({ exp: 1_000, email: 'a@example.test' }),
      refresh_token: 'rt',
      account_id: 'acct-file',
    });
    const parsed = parseCredential(text);
    expect(parsed).toMatchObject({
      kind: 'ok',
      credential: {
        accountId: 'acct-file',
        userId: 'user-1',
        plan: 'pro',
        email: 'a@example.test',
        expiresAt: 2_000_000,
      },
    });
  });

  it('estimates the expiry of a token without one as eight days after the last refresh', () => {
    const parsed = parseCredential(
      file({ access_token: 'opaque' }, { last_refresh: '2026-01-01T00:00:00Z' }),
    );
    expect(parsed).toMatchObject({
      credential: { expiresAt: Date.parse('2026-01-09T00:00:00Z'), isExpiryEstimated: true },
    });
  });

  it.each([
    ['', 'empty'],
    ['{', 'not JSON'],
    ['[]', 'not a Codex auth.json'],
    ['null', 'not a Codex auth.json'],
    ['{}', 'no tokens'],
    [file(null, { OPENAI_API_KEY: 'sk-canary' }), 'only an API key'],
    [file({ access_token: 7 }), 'tokens.access_token'],
    [file({ access_token: '' }), 'tokens.access_token'],
  ])('%s is listed as broken: %s', (text, reason) => {
    const parsed = parseCredential(text);
    expect(parsed).toMatchObject({ kind: 'broken', reason: expect.stringContaining(reason) });
    expect(JSON.stringify(parsed)).not.toContain('canary');
  });

  it('never orders generations by a token alone', () => {
    const old = of('one', '2026-01-01T00:00:00Z');
    const fresh = of('two', '2026-01-02T00:00:00Z');
    expect(isNewerGeneration(old, fresh)).toBe(true);
    expect(isNewerGeneration(fresh, old)).toBe(false);
    expect(isNewerGeneration(old, old)).toBe(false);
  });
});
