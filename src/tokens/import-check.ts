import { z } from 'zod';
import { readClaims } from './access-token-claims.js';
import { type Credential, parseCredential } from './credential.js';
import { ImportRefusedError } from './tokens.errors.js';

/** A placeholder login's account id and refresh token begin with this; a real login's never do. */
export const PLACEHOLDER_PREFIX = 'codex-pool-';

/** Valid account names; a name becomes a file name and part of a URL. */
const NAME = /^(?!\.)[A-Za-z0-9._-]{1,64}$/;

const topSchema = z.object({
  tokens: z.unknown().optional(),
  OPENAI_API_KEY: z.string().nullish().catch(null),
});
const tokensSchema = z.object({
  access_token: z.string(),
  refresh_token: z.string().nullish().catch(null),
  account_id: z.string().nullish(),
});

/** @throws ImportRefusedError when the name is invalid */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new ImportRefusedError(
    'bad_name',
    'A name is 1 to 64 of the characters A–Z, a–z, 0–9, dot, underscore and hyphen, and does not begin with a dot.',
  );
}

/**
 * Returns the credential in a complete Codex `auth.json`.
 * @throws ImportRefusedError when the pool could not use it for long; the message quotes nothing of the document
 */
export function checkDocument(document: unknown): Credential {
  const top = topSchema.safeParse(document);
  if (!top.success) throw new ImportRefusedError('not_auth_json', NOT_AUTH_JSON);
  const { tokens, OPENAI_API_KEY: apiKey } = top.data;
  if (tokens === undefined || tokens === null) throw withoutTokens(apiKey ?? null);
  const parsed = parseCredential(asText(document));
  const values = tokensSchema.safeParse(tokens);
  if (parsed.kind === 'broken' || !values.success) {
    throw new ImportRefusedError(
      'not_auth_json',
      `${parsed.kind === 'broken' ? parsed.reason : 'not a Codex auth.json'}. ${USE_WHOLE_FILE}`,
    );
  }
  const { credential } = parsed;
  const { access_token: accessToken, refresh_token: refreshToken } = values.data;
  const inClaims = readClaims(accessToken).accountId;
  if ([credential.accountId, inClaims, refreshToken].some((it) => it?.startsWith(PLACEHOLDER_PREFIX))) {
    throw new ImportRefusedError(
      'placeholder_login',
      'This is a placeholder login that codex-pool made for Codex; it belongs to no account. Log in with `codex login` and import that auth.json.',
    );
  }
  if (credential.accountId === null) {
    throw new ImportRefusedError(
      'no_account',
      'The tokens name no ChatGPT account, so this is not a ChatGPT login. Log in with `codex login` and import that auth.json.',
    );
  }
  if (inClaims !== null && inClaims !== credential.accountId) {
    throw new ImportRefusedError(
      'contradictory_account',
      'account_id and the access token name different ChatGPT accounts. Import the auth.json exactly as `codex login` wrote it.',
    );
  }
  if (credential.refreshToken === null) {
    throw new ImportRefusedError(
      'no_refresh_token',
      'The refresh token is missing, so the login would expire with its access token. Log in with `codex login` and import that auth.json.',
    );
  }
  return credential;
}

const USE_WHOLE_FILE = 'Import the complete auth.json that `codex login` wrote.';
const NOT_AUTH_JSON = `This is not a Codex auth.json. ${USE_WHOLE_FILE}`;

function withoutTokens(apiKey: string | null): ImportRefusedError {
  return apiKey === null
    ? new ImportRefusedError('no_tokens', `This auth.json has no tokens. ${USE_WHOLE_FILE}`)
    : new ImportRefusedError(
        'api_key_only',
        'This auth.json holds only an API key; the pool needs a ChatGPT login. Log in with `codex login` and import that auth.json.',
      );
}

function asText(document: unknown): string {
  try {
    return JSON.stringify(document);
  } catch {
    throw new ImportRefusedError('not_auth_json', NOT_AUTH_JSON); // nested too deeply for the stack
  }
}
