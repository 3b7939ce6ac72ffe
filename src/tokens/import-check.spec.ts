import { describe, expect, it } from 'vitest';
import { placeholderLogin } from '../clients/placeholder-login.js';
import { Secret } from '../runtime/secret.js';
import {
  madeUpAuthJson,
  madeUpJwt,
  madeUpTokens,
  madeUpPlaceholderLogin,
} from '../fake-upstream/script/made-up-credentials.js';
import { checkDocument, checkName } from './import-check.js';
import { ImportRefusedError } from './tokens.errors.js';

const identity = {
  accountId: 'acct-1',
  userId: 'user-1',
  email: 'a@example.test',
  plan: 'plus',
  fedramp: false,
};
const T = 1_900_000_000_000;
const good = madeUpAuthJson(identity, madeUpTokens(identity, T, T + 1_000), T);
const canary = 'canary-of-a-secret';

const withTokens = (tokens: object) => ({ ...good, tokens: { ...good.tokens, ...tokens } });

function refusalOf(task: () => unknown): ImportRefusedError {
  try {
    task();
  } catch (error) {
    if (error instanceof ImportRefusedError) return error;
  }
  throw new Error('not refused');
}

/** A value nested deeper than the stack allows, as a body parser could return it. */
function deep(): unknown {
  return JSON.parse(`{"tokens":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
}

describe('an auth.json that is imported', () => {
  it.each([
    ['as Codex writes it now', good],
    ['without account_id, which the token names', withTokens({ account_id: undefined })],
    ['without an ID token', withTokens({ id_token: null })],
    ['without a time', { ...good, last_refresh: undefined }],
    ['with an API key beside its tokens', { ...good, OPENAI_API_KEY: 'sk-made-up' }],
    ['whose access token is opaque', withTokens({ access_token: 'opaque', account_id: 'acct-1' })],
  ])('is good %s', (_case, document) => {
    expect(checkDocument(document).accountId).toBe('acct-1');
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'not_auth_json'],
    ['null', null, 'not_auth_json'],
    ['a text', canary, 'not_auth_json'],
    ['a list', [good], 'not_auth_json'],
    ['an empty object', {}, 'no_tokens'],
    ['no tokens', { OPENAI_API_KEY: null, tokens: null }, 'no_tokens'],
    ['only an API key', { OPENAI_API_KEY: canary, tokens: null }, 'api_key_only'],
    ['tokens as a text', { tokens: canary }, 'not_auth_json'],
    ['tokens as a list', { tokens: [canary] }, 'not_auth_json'],
    ['no access token', withTokens({ access_token: null }), 'not_auth_json'],
    ['an empty access token', withTokens({ access_token: '' }), 'not_auth_json'],
    [
      'an access token that no header can carry',
      withTokens({ access_token: `${canary}\n` }),
      'not_auth_json',
    ],
    ['an access token of the wrong type', withTokens({ access_token: { canary } }), 'not_auth_json'],
    ['an account id of the wrong type', withTokens({ account_id: 7 }), 'not_auth_json'],
    ['no refresh token', withTokens({ refresh_token: null }), 'no_refresh_token'],
    ['an empty refresh token', withTokens({ refresh_token: '' }), 'no_refresh_token'],
    ['a refresh token of the wrong type', withTokens({ refresh_token: [canary] }), 'no_refresh_token'],
    ['another account beside its token', withTokens({ account_id: canary }), 'contradictory_account'],
    [
      'tokens that name no account',
      withTokens({ access_token: madeUpJwt({ sub: canary }), id_token: null, account_id: null }),
      'no_account',
    ],
    ['our own login for clients', placeholderLogin(null), 'placeholder_login'],
    ['such a login with a client token', placeholderLogin(new Secret(canary)), 'placeholder_login'],
    ['a login that a test made for clients', madeUpPlaceholderLogin(), 'placeholder_login'],
    ['endless nesting', deep(), 'not_auth_json'],
  ])('is refused with %s, in a message that quotes nothing', (_case, document, code) => {
    const refusal = refusalOf(() => checkDocument(document));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/codex login/);
    expect(refusal.message).not.toContain(canary);
  });
});

describe('a name in the pool', () => {
  it.each(['a', 'work', 'Work-2', 'me_at.home', '-', 'x'.repeat(64)])('can be %j', (name) => {
    expect(() => checkName(name)).not.toThrow();
  });

  it.each([
    '',
    '.',
    '..',
    '.hidden',
    'a/b',
    '../a',
    'a\\b',
    'a b',
    'a\n',
    'ä',
    'a%2fb',
    'a\0',
    'x'.repeat(65),
  ])('cannot be %j', (name) => {
    expect(refusalOf(() => checkName(name)).code).toBe('bad_name');
  });
});
