import { randomUUID } from 'node:crypto';

const AUTH_CLAIM = 'https://api.openai.com/auth';
const PROFILE_CLAIM = 'https://api.openai.com/profile';
/** Codex's public OAuth client id. */
export const CODEX_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
/** 2100-01-01, so that a client never renews the login. */
const FAR_AWAY_UNIX_SECONDS = 4_102_444_800;

/** The person and account that a made-up token names. */
export interface MadeUpIdentity {
  readonly accountId: string;
  readonly userId: string;
  readonly email: string;
  readonly plan: string;
  readonly fedramp: boolean;
}

/** The tokens of a made-up login, as a token endpoint issues them. */
export interface MadeUpTokens {
  readonly idToken: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Codex's credential file, as Codex 0.169.0 writes it. */
export interface AuthJson {
  auth_mode: string;
  OPENAI_API_KEY: string | null;
  tokens: {
    id_token: string;
    access_token: string;
    refresh_token: string;
    account_id: string;
    oauth_provenance?: { issuer: string; client_id: string };
    login_owner_id?: string;
  };
  last_refresh: string;
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token in the form of a JWT, without a real signature. */
export function madeUpJwt(payload: object): string {
  const signature = Buffer.from('signed by nobody').toString('base64url');
  return `${encoded({ alg: 'RS256', typ: 'JWT', kid: 'made-up' })}.${encoded(payload)}.${signature}`;
}

/** New tokens for an identity, unique per call. `now` and `expiresAt` are epoch milliseconds. */
export function madeUpTokens(identity: MadeUpIdentity, now: number, expiresAt: number): MadeUpTokens {
  const auth = {
    chatgpt_account_id: identity.accountId,
    chatgpt_user_id: identity.userId,
    user_id: identity.userId,
    chatgpt_plan_type: identity.plan,
    ...(identity.fedramp ? { chatgpt_account_is_fedramp: true } : {}),
  };
  const claims = {
    iss: 'https://auth.openai.com',
    sub: `made-up|${identity.userId}`,
    iat: Math.floor(now / 1_000),
    exp: Math.floor(expiresAt / 1_000),
    [AUTH_CLAIM]: auth,
  };
  return {
    idToken: madeUpJwt({ ...claims, jti: randomUUID(), aud: [CODEX_CLIENT_ID], email: identity.email }),
    accessToken: madeUpJwt({
      ...claims,
      jti: randomUUID(),
      aud: ['https://api.openai.com/v1'],
      client_id: CODEX_CLIENT_ID,
      scp: ['openid', 'profile', 'email', 'offline_access'],
      [PROFILE_CLAIM]: { email: identity.email, email_verified: true },
    }),
    refreshToken: `rt_made-up.${randomUUID()}`,
  };
}

/** The credential file that Codex writes after a login with these tokens. */
export function madeUpAuthJson(identity: MadeUpIdentity, tokens: MadeUpTokens, issuedAt: number): AuthJson {
  return {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: {
      id_token: tokens.idToken,
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      oauth_provenance: { issuer: 'https://auth.openai.com', client_id: CODEX_CLIENT_ID },
      login_owner_id: `made-up-${identity.userId}`,
      account_id: identity.accountId,
    },
    last_refresh: new Date(issuedAt).toISOString(),
  };
}

/** Options of a client's placeholder login. */
export interface PlaceholderLoginOptions {
  readonly plan?: string;
  readonly accountId?: string;
  /** Replaces the token that is valid until 2100. With an opaque text, Codex renews the login once it is 8 days old. */
  readonly accessToken?: string;
  readonly lastRefreshAt?: number;
}

/**
 * A login for a client that belongs to no account. Codex accepts it, considers it valid for decades and sends it to the
 * proxy, which replaces it with an account's. The plan decides which requests Codex sends at startup (`business`: one
 * for a config bundle).
 */
export function madeUpPlaceholderLogin(options: PlaceholderLoginOptions = {}): AuthJson {
  const { plan = 'pro', accountId = 'pool', lastRefreshAt = Date.now() } = options;
  const token = madeUpJwt({
    email: 'pool@local',
    [AUTH_CLAIM]: { chatgpt_plan_type: plan, chatgpt_account_id: accountId, chatgpt_user_id: 'pool-user' },
    exp: FAR_AWAY_UNIX_SECONDS,
  });
  return {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: {
      id_token: token,
      access_token: options.accessToken ?? token,
      refresh_token: 'codex-pool-stand-in',
      account_id: accountId,
    },
    last_refresh: new Date(lastRefreshAt).toISOString(),
  };
}
