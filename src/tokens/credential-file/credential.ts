import { z } from 'zod';
import { limits } from '../../config/limits.js';
import { Secret } from '../../runtime/secret.js';
import { noClaims, readClaims } from './access-token-claims.js';
import { describeOtherLogin, type OtherLogin, otherLoginIn, WHAT_HELPS } from './other-login.js';

/** Text that is valid as an HTTP header value (RFC 9110, 5.5: visible ASCII); access tokens must be. */
export const headerText = /^[\x21-\x7e]+$/;

const secretText = z.string().min(1);

/** An account id; blank text counts as absent, as in files of third-party tools. */
const accountIdText = z.preprocess(
  (value) => (typeof value === 'string' && value.trim() === '' ? null : value),
  z.string().regex(headerText).nullish(),
);

/**
 * The part of Codex's `auth.json` that we read (old and new format, docs/protocol.md). Other fields stay
 * unchanged in the file and are no part of a credential.
 */
const credentialFileSchema = z.object({
  tokens: z
    .object({
      access_token: z.string().regex(headerText),
      refresh_token: secretText.nullish().catch(null),
      id_token: secretText.nullish().catch(null),
      account_id: accountIdText,
    })
    .nullish(),
  last_refresh: z.string().nullish().catch(null),
});

/** The tokens of one account and their claims. Times are epoch ms. */
export interface Credential {
  readonly accessToken: Secret;
  readonly refreshToken: Secret | null;
  readonly idToken: Secret | null;
  /** The ChatGPT account (workspace) that requests are charged to; null when no token names it. */
  readonly accountId: string | null;
  readonly userId: string | null;
  readonly plan: string | null;
  readonly email: string | null;
  readonly isFedramp: boolean;
  /** Expiry of the **access** token; estimated from `last_refresh` when the token has none. */
  readonly expiresAt: number | null;
  readonly isExpiryEstimated: boolean;
  /** When the access token was issued, by the issuer's clock; null when the token does not say. */
  readonly issuedAt: number | null;
  readonly lastRefreshAt: number | null;
}

export type ParsedCredential =
  | { readonly kind: 'ok'; readonly credential: Credential }
  | { readonly kind: 'broken'; readonly code: FileFault; readonly reason: string };

/** Why a file is no credential; a stable code for programs. */
export type FileFault = 'not_auth_json' | 'no_tokens' | OtherLogin;

/** Parses a credential file. The reason is a clause that never quotes the text, because it may hold secrets. */
export function parseCredential(text: string): ParsedCredential {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return broken('not_auth_json', text.trim() === '' ? 'the file is empty' : 'the file is not JSON');
  }
  const other = otherLoginIn(json);
  if (other !== null) return broken(other, describeOtherLogin(other));
  const parsed = credentialFileSchema.safeParse(json);
  if (!parsed.success) {
    const where = parsed.error.issues.map((it) => it.path.join('.') || 'the whole file');
    return broken('not_auth_json', `not a Codex auth.json: ${[...new Set(where)].join(', ')}`);
  }
  const { tokens, last_refresh: lastRefresh } = parsed.data;
  if (tokens == null) return broken('no_tokens', `the file has no tokens: ${WHAT_HELPS}`);
  return {
    kind: 'ok',
    credential: credentialOf({
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token ?? null,
      idToken: tokens.id_token ?? null,
      accountId: tokens.account_id ?? null,
      lastRefreshAt: lastRefresh == null ? null : epochMs(lastRefresh),
    }),
  };
}

/** Source of a credential: token values as text, and other fields of the file. */
export interface TokenValues {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  readonly accountId: string | null;
  readonly lastRefreshAt: number | null;
}

export function credentialOf(values: TokenValues): Credential {
  const access = readClaims(values.accessToken);
  const id = values.idToken === null ? noClaims : readClaims(values.idToken);
  const estimate =
    values.lastRefreshAt === null ? null : values.lastRefreshAt + limits.assumedTokenLifetimeMs;
  return {
    accessToken: new Secret(values.accessToken),
    refreshToken: values.refreshToken === null ? null : new Secret(values.refreshToken),
    idToken: values.idToken === null ? null : new Secret(values.idToken),
    accountId: values.accountId ?? access.accountId ?? id.accountId,
    userId: access.userId ?? id.userId,
    plan: access.plan ?? id.plan,
    email: id.email ?? access.email,
    isFedramp: access.isFedramp || id.isFedramp,
    expiresAt: access.expiresAt ?? estimate,
    isExpiryEstimated: access.expiresAt === null,
    issuedAt: access.issuedAt,
    lastRefreshAt: values.lastRefreshAt,
  };
}

/** Tokens that the token endpoint has issued; null where the current one stays valid. */
export interface TokenGrant {
  readonly accessToken: Secret | null;
  readonly refreshToken: Secret | null;
  readonly idToken: Secret | null;
}

/** Returns the credential with newly issued tokens; tokens that the grant lacks stay unchanged. */
export function renewed(before: Credential, grant: TokenGrant, refreshedAt: number): Credential {
  return credentialOf({
    accessToken: (grant.accessToken ?? before.accessToken).reveal(),
    refreshToken: (grant.refreshToken ?? before.refreshToken)?.reveal() ?? null,
    idToken: (grant.idToken ?? before.idToken)?.reveal() ?? null,
    accountId: before.accountId,
    lastRefreshAt: refreshedAt,
  });
}

/**
 * Returns the identity of an account: the ChatGPT account and its user. A file that names neither is identified by its
 * name.
 */
export function identityOf(name: string, { accountId, userId }: Credential): string {
  if (accountId === null && userId === null) return `file:${name}`;
  return `${accountId ?? '-'}:${userId ?? '-'}`;
}

/** Returns whether two credentials hold the same tokens. */
export function isSameGeneration(one: Credential, other: Credential): boolean {
  return sameSecret(one.accessToken, other.accessToken) && sameSecret(one.refreshToken, other.refreshToken);
}

/**
 * Returns whether `other` is a different generation of tokens from `mine` and not older. Compares the issuer's
 * timestamps if both tokens have one, else the files' timestamps if both have one; otherwise returns true.
 */
export function isNewerGeneration(mine: Credential, other: Credential): boolean {
  if (isSameGeneration(mine, other)) return false;
  if (mine.issuedAt !== null && other.issuedAt !== null && mine.issuedAt !== other.issuedAt) {
    return other.issuedAt > mine.issuedAt;
  }
  return (
    other.lastRefreshAt === null || mine.lastRefreshAt === null || other.lastRefreshAt >= mine.lastRefreshAt
  );
}

/** Whether `other` is provably newer than `mine`. Tokens without timestamps may be of any age. */
export function isProvenNewer(mine: Credential, other: Credential): boolean {
  return isNewerGeneration(mine, other) && !isNewerGeneration(other, mine);
}

function sameSecret(one: Secret | null, other: Secret | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}

function epochMs(text: string): number | null {
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function broken(code: FileFault, reason: string): ParsedCredential {
  return { kind: 'broken', code, reason };
}
