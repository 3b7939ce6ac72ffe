import { describe, expect, it } from 'vitest';
import {
  madeUpAuthJson,
  madeUpJwt,
  madeUpPlaceholderLogin,
  madeUpTokens,
} from '../../fake-upstream/script/made-up-credentials.js';
import { parseCredential } from './credential.js';
import { doubtAbout } from './login-doubts.js';
import { checkDocument } from '../import-check.js';
import { ImportRefusedError } from '../tokens.errors.js';

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
const claiming = (accountId: string) =>
  madeUpJwt({ 'https://api.openai.com/auth': { chatgpt_account_id: accountId } });

/** The account id that a file of this text has, or the code of what is wrong with it. */
function inFolder(text: string): string | null {
  const parsed = parseCredential(text);
  return parsed.kind === 'ok' ? parsed.credential.accountId : parsed.code;
}

/** The same for an import. */
function imported(document: unknown): string | null {
  try {
    return checkDocument(document).accountId;
  } catch (error) {
    if (error instanceof ImportRefusedError) return error.code;
    throw error;
  }
}

describe('a file is the same in the folder and in an import', () => {
  it.each<[string, unknown]>([
    ['a blank account_id', withTokens({ account_id: '' })],
    ['an account_id of spaces', withTokens({ account_id: ' \t ' })],
    ['an account_id of null', withTokens({ account_id: null })],
    [
      'a blank account_id that only the ID token knows',
      withTokens({ account_id: '', access_token: 'opaque' }),
    ],
    ['an API key beside its tokens', { ...good, OPENAI_API_KEY: `sk-${canary}` }],
    ['empty fields of other logins', { ...good, personal_access_token: '', agent_identity: null }],
    ['another login beside its tokens', { ...good, personal_access_token: `at-${canary}` }],
    ['tokens that another program lends to Codex', { ...good, auth_mode: 'chatgptAuthTokens' }],
    ['an unknown auth_mode', { ...good, auth_mode: 'of-tomorrow' }],
    ['an auth_mode of another case', { ...good, auth_mode: 'ChatGPT' }],
    ['an auth_mode of the wrong type', { ...good, auth_mode: 7 }],
    ['no auth_mode', { ...good, auth_mode: undefined }],
  ])('and good with %s', (_case, document) => {
    expect(inFolder(JSON.stringify(document))).toBe('acct-1');
    expect(imported(document)).toBe('acct-1');
  });

  it.each<[string, unknown, string, RegExp]>([
    ['an API key', { auth_mode: 'apikey', OPENAI_API_KEY: canary }, 'api_key_only', /API key/],
    ['an API key of an old file', { OPENAI_API_KEY: canary }, 'api_key_only', /API key/],
    ['an API key beside blank tokens', { OPENAI_API_KEY: canary, tokens: {} }, 'api_key_only', /API key/],
    ['an API key as its token', withTokens({ access_token: `sk-${canary}` }), 'api_key_only', /API key/],
    ['an API key and old tokens', { ...good, auth_mode: 'apikey' }, 'api_key_only', /API key/],
    ['a mode of an API key', { auth_mode: 'api_key', tokens: null }, 'api_key_only', /API key/],
    [
      'a personal access token',
      { auth_mode: 'personalAccessToken', personal_access_token: canary },
      'personal_access_token',
      /personal access token/,
    ],
    [
      'a personal access token, in other words',
      { auth_mode: 'personal_access_token' },
      'personal_access_token',
      /personal access token/,
    ],
    [
      'a personal access token alone',
      { personal_access_token: canary, tokens: null },
      'personal_access_token',
      /personal access token/,
    ],
    [
      'a personal access token beside an API key',
      { personal_access_token: canary, OPENAI_API_KEY: canary },
      'personal_access_token',
      /personal access token/,
    ],
    [
      'an agent identity',
      { auth_mode: 'agentIdentity', agent_identity: { key: canary } },
      'agent_identity',
      /agent identity/,
    ],
    ['an agent identity alone', { agent_identity: { key: canary } }, 'agent_identity', /agent identity/],
    ['an agent identity as a text', { agent_identity: canary }, 'agent_identity', /agent identity/],
    ['bedrock', { auth_mode: 'bedrock' }, 'bedrock_login', /Bedrock/],
    ['bedrock of another kind', { auth_mode: 'bedrockApiKey' }, 'bedrock_login', /Bedrock/],
    ['fields of bedrock', { bedrock_api_key: canary }, 'bedrock_login', /Bedrock/],
    ['an organization', withTokens({ account_id: `org-${canary}` }), 'organization_id', /organization/],
    [
      'an organization in its token',
      withTokens({ account_id: '', access_token: claiming(`org-${canary}`) }),
      'organization_id',
      /organization/,
    ],
    ['our placeholder login', madeUpPlaceholderLogin(), 'placeholder_login', /placeholder/],
    ['nothing', {}, 'no_tokens', /no tokens/],
    ['no tokens', { auth_mode: 'chatgpt', tokens: null }, 'no_tokens', /no tokens/],
    ['a list', [good], 'not_auth_json', /auth\.json/],
    ['a text', canary, 'not_auth_json', /auth\.json/],
    ['a number', 7, 'not_auth_json', /auth\.json/],
    ['null', null, 'not_auth_json', /auth\.json/],
    ['only an ID token', { tokens: { id_token: canary } }, 'not_auth_json', /tokens\.access_token/],
    [
      'a bad token and an API key',
      { OPENAI_API_KEY: canary, tokens: { access_token: 7 } },
      'not_auth_json',
      /./,
    ],
  ])('and named with %s', (_case, document, code, reason) => {
    const parsed = parseCredential(JSON.stringify(document));
    expect(parsed).toMatchObject({ kind: 'broken', code, reason: expect.stringMatching(reason) });
    expect(JSON.stringify(parsed)).not.toContain(canary);
    expect(JSON.stringify(parsed)).toMatch(/codex login|not_auth_json/);
    expect(imported(document)).toBe(code);
  });

  it.each<[string, unknown, string]>([
    [
      'a token of another workspace',
      withTokens({ access_token: claiming('acct-2') }),
      'contradictory_account',
    ],
    ['no refresh token', withTokens({ refresh_token: '' }), 'no_refresh_token'],
    ['no account', { tokens: { access_token: 'opaque', refresh_token: 'rt', account_id: '' } }, 'no_account'],
  ])('and doubtful with %s: served with a warning, but not imported', (_case, document, code) => {
    const parsed = parseCredential(JSON.stringify(document));
    expect(parsed.kind === 'ok' && doubtAbout(parsed.credential)).toBe(code);
    expect(imported(document)).toBe(code);
  });
});

describe('the text of a file', () => {
  const text = JSON.stringify(good, null, 2);

  it.each([
    ['with a byte order mark', `\uFEFF${text}`, 'acct-1'],
    ['with CRLF', text.replaceAll('\n', '\r\n'), 'acct-1'],
    ['with blank lines around', `\n\n${text}\n\n`, 'acct-1'],
    ['with a trailing comma', text.replace(/\}$/, ',}'), 'not_auth_json'],
    ['twice', text + text, 'not_auth_json'],
    ['as UTF-16', text.replaceAll(/./g, '$&\0'), 'not_auth_json'],
    ['of only a byte order mark', '\uFEFF', 'not_auth_json'],
  ])('%s is read as %s', (_case, written, result) => {
    expect(inFolder(written)).toBe(result);
  });
});
