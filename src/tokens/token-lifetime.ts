import type { StoredCredential } from './stored-credential.js';

/** The facts that say how long an access token lasts. */
export type LifetimeFacts = Pick<StoredCredential, 'credential' | 'grantedAt'>;

/**
 * Returns when an access token ends, by this machine's clock (epoch ms); null if unknown. This is a suspicion: it leads
 * to a refresh, and only upstream's 401 shows that a token has ended.
 *
 * A token that was issued to this process lasts from then for `exp` - `iat`, however wrong any clock is. The expiry of
 * a token from a file is by the issuer's clock, which is `skewMs` ahead of this machine's.
 */
export function tokenEndsAt({ credential, grantedAt }: LifetimeFacts, skewMs: number): number | null {
  const { expiresAt, issuedAt, isExpiryEstimated } = credential;
  if (expiresAt === null || isExpiryEstimated) return expiresAt; // the estimate is by this machine's clock
  if (grantedAt === null) return expiresAt - skewMs;
  const lifetimeMs = issuedAt === null ? expiresAt - skewMs - grantedAt : expiresAt - issuedAt;
  // A token that looks ended when it is issued shows that a clock is wrong; another one would look the same.
  return lifetimeMs > 0 ? grantedAt + lifetimeMs : null;
}

/** Shortens a leeway for short-lived tokens, which would otherwise be due again as soon as they are issued. */
export function leewayOf({ grantedAt }: LifetimeFacts, endsAt: number, longestMs: number): number {
  return grantedAt === null ? longestMs : Math.min(longestMs, (endsAt - grantedAt) / 4);
}
