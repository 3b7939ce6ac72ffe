import { z } from 'zod';
import { isRecord } from '../../runtime/is-record.js';

/** Names of OpenAI's claims (docs/protocol.md, section on `auth.json`). */
const AUTH_CLAIM = 'https://api.openai.com/auth';
const PROFILE_CLAIM = 'https://api.openai.com/profile';

const text = z.string().min(1).nullish().catch(null);

const payloadSchema = z.object({
  exp: z.number().positive().nullish().catch(null),
  iat: z.number().positive().nullish().catch(null),
  email: text,
  [PROFILE_CLAIM]: z.object({ email: text }).nullish().catch(null),
  [AUTH_CLAIM]: z
    .object({
      chatgpt_account_id: text,
      chatgpt_user_id: text,
      user_id: text,
      chatgpt_plan_type: text,
      chatgpt_account_is_fedramp: z.boolean().nullish().catch(null),
    })
    .nullish()
    .catch(null),
});

/** Claims of a token. Absent claims are null. */
export interface TokenClaims {
  /** Epoch ms. */
  readonly expiresAt: number | null;
  /** Epoch ms, by the issuer's clock. */
  readonly issuedAt: number | null;
  readonly accountId: string | null;
  readonly userId: string | null;
  readonly plan: string | null;
  readonly email: string | null;
  readonly isFedramp: boolean;
}

export const noClaims: TokenClaims = {
  expiresAt: null,
  issuedAt: null,
  accountId: null,
  userId: null,
  plan: null,
  email: null,
  isFedramp: false,
};

/**
 * Reads the claims of a JWT without verifying it, because only the issuer judges tokens.
 * Returns `noClaims` for opaque tokens and unreadable payloads.
 */
export function readClaims(token: string): TokenClaims {
  const parsed = payloadSchema.safeParse(payloadOf(token)); // opaque tokens are allowed
  if (!parsed.success) return noClaims;
  const auth = parsed.data[AUTH_CLAIM];
  return {
    expiresAt: epochMs(parsed.data.exp),
    issuedAt: epochMs(parsed.data.iat),
    accountId: auth?.chatgpt_account_id ?? null,
    userId: auth?.chatgpt_user_id ?? auth?.user_id ?? null,
    plan: auth?.chatgpt_plan_type?.toLowerCase() ?? null,
    email: parsed.data.email ?? parsed.data[PROFILE_CLAIM]?.email ?? null,
    isFedramp: auth?.chatgpt_account_is_fedramp ?? false,
  };
}

/** Returns whether a token has the form of a JWT: three parts, of which the second is a JSON object. */
export function isJwt(token: string): boolean {
  return token.split('.').length === 3 && isRecord(payloadOf(token));
}

/** The second part of a JWT as JSON; null if it is unreadable. */
function payloadOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

function epochMs(seconds: number | null | undefined): number | null {
  return seconds == null ? null : Math.round(seconds * 1_000);
}
