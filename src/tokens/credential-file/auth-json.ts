import { isRecord } from '../../runtime/is-record.js';
import type { Credential } from './credential.js';

/** Returns the `auth.json` that Codex would write for these tokens (docs/protocol.md, section on `auth.json`). */
export function authJsonOf(credential: Credential): object {
  const document = {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: { account_id: credential.accountId },
  };
  return withTokens(document, credential);
}

/** Returns a document of an `auth.json` with these tokens; all other fields stay, in their order. */
export function withTokens(
  document: unknown,
  { idToken, accessToken, refreshToken, lastRefreshAt }: Credential,
): object {
  const file = asObject(document);
  return {
    ...file,
    tokens: {
      ...asObject(file['tokens']),
      ...(idToken === null ? {} : { id_token: idToken.reveal() }),
      access_token: accessToken.reveal(),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken.reveal() }),
    },
    ...(lastRefreshAt === null ? {} : { last_refresh: new Date(lastRefreshAt).toISOString() }),
  };
}

/** @throws TypeError for anything but an object; the message does not quote it */
export function asObject(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return { ...value };
  throw new TypeError('the file is no longer a valid Codex auth.json');
}

/** Returns the JSON in a text; null if it is none. */
export function documentIn(text: string | null): unknown {
  try {
    return JSON.parse((text ?? '').replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
}
