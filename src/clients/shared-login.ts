import { limits } from '../config/limits.js';
import { readClaims } from '../tokens/access-token-claims.js';
import type { Credential } from '../tokens/credential.js';

/** How a client has the login of an account: the very tokens of the pool, or others of the same account. */
export type LoginSharing = 'same-tokens' | 'other-tokens';

/** A client that was seen with the login of an account. */
export interface SharedLogin {
  readonly sharing: LoginSharing;
  /** Epoch ms. */
  readonly seenAt: number;
}

/**
 * What a client's bearer token shows of whose login it is; null when it is none of this account's. A token
 * that tells no owner shows nothing, nor does one that is good for longer than any real one: a placeholder login.
 */
export function sharingOf(bearer: string, mine: Credential, now: number): LoginSharing | null {
  if (mine.accessToken.equals(bearer)) return 'same-tokens';
  const claims = readClaims(bearer);
  if (claims.accountId === null || claims.accountId !== mine.accountId) return null;
  if (claims.userId !== null && mine.userId !== null && claims.userId !== mine.userId) return null;
  const isPlaceholder = claims.expiresAt !== null && claims.expiresAt - now > limits.realTokenLongestMs;
  return isPlaceholder ? null : 'other-tokens';
}
