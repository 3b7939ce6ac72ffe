import { limits } from '../config/limits.js';
import { readClaims } from '../tokens/credential-file/access-token-claims.js';
import type { Credential } from '../tokens/credential-file/credential.js';

/** How a client shares the login of an account: with the same tokens, or with other tokens of that account. */
export type LoginSharing = 'same-tokens' | 'other-tokens';

/** A sighting of a client with an account's login. */
export interface SharedLogin {
  readonly sharing: LoginSharing;
  /** Epoch ms. */
  readonly seenAt: number;
}

/**
 * Returns how a client's bearer token shares the login of an account; null if it does not. A token without an
 * account id counts as not shared, and so does one that outlives any real token: a placeholder login.
 */
export function sharingOf(bearer: string, own: Credential, now: number): LoginSharing | null {
  if (own.accessToken.equals(bearer)) return 'same-tokens';
  const claims = readClaims(bearer);
  if (claims.accountId === null || claims.accountId !== own.accountId) return null;
  if (claims.userId !== null && own.userId !== null && claims.userId !== own.userId) return null;
  const isPlaceholder = claims.expiresAt !== null && claims.expiresAt - now > limits.realTokenLongestMs;
  return isPlaceholder ? null : 'other-tokens';
}
