import { readClaims } from './access-token-claims.js';
import type { Credential } from './credential.js';
import { WHAT_HELPS } from './other-login.js';

const doubts = {
  no_account: `the tokens name no ChatGPT account, so this may not be a ChatGPT login: ${WHAT_HELPS}`,
  contradictory_account: `account_id and the access token name different ChatGPT accounts: use the auth.json exactly as \`codex login\` wrote it`,
  no_refresh_token: `the refresh token is missing, so the login expires with its access token: ${WHAT_HELPS}`,
} as const;

/** Why a login may serve for a while at most; a stable code for programs. */
export type LoginDoubt = keyof typeof doubts;

/**
 * Returns what is doubtful about a login that may still serve; null for nothing. A file in the pool folder serves with
 * this as a warning, because refusing it could cost a turn; an import is refused, because the login is at hand.
 */
export function doubtAbout({ accessToken, refreshToken, accountId }: Credential): LoginDoubt | null {
  if (accountId === null) return 'no_account';
  const claimed = readClaims(accessToken.reveal()).accountId;
  if (claimed !== null && claimed !== accountId) return 'contradictory_account';
  return refreshToken === null ? 'no_refresh_token' : null;
}

/** Describes a doubt and what helps, as a clause without a period. */
export function describeDoubt(doubt: LoginDoubt): string {
  return doubts[doubt];
}
