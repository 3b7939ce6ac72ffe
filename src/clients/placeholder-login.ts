import type { Secret } from '../runtime/secret.js';
import { PLACEHOLDER_PREFIX } from '../tokens/credential-file/other-login.js';

const PLACEHOLDER_ID = `${PLACEHOLDER_PREFIX}stand-in`;
/** 2100-01-01: far enough away that Codex never refreshes the login. */
const FAR_OFF_UNIX_SECONDS = 4_102_444_800;

/**
 * A login for Codex that belongs to no account, in the form of its `auth.json` (docs/protocol.md, a placeholder login).
 * The proxy replaces it with one of the pool's accounts. Codex sends the client token as its access token, if set.
 */
export function placeholderLogin(clientToken: Secret | null): object {
  const token = unsignedJwt({
    email: 'codex-pool@localhost',
    exp: FAR_OFF_UNIX_SECONDS,
    'https://api.openai.com/auth': {
      chatgpt_plan_type: 'pro',
      chatgpt_account_id: PLACEHOLDER_ID,
      chatgpt_user_id: PLACEHOLDER_ID,
    },
  });
  return {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: {
      id_token: token,
      access_token: clientToken?.reveal() ?? token,
      refresh_token: PLACEHOLDER_ID,
      account_id: PLACEHOLDER_ID,
    },
    // If a token states no expiry, Codex refreshes it 8 days after this time: never, for a client token.
    last_refresh: new Date(FAR_OFF_UNIX_SECONDS * 1_000).toISOString(),
  };
}

/** Codex requires three parts that are not empty, and verifies none of them. */
function unsignedJwt(payload: object): string {
  return [JSON.stringify({ alg: 'none', typ: 'JWT' }), JSON.stringify(payload), 'unsigned']
    .map((it) => Buffer.from(it).toString('base64url'))
    .join('.');
}
