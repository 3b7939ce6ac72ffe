import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { describeError } from '../runtime/pool-error.js';
import { Secret } from '../runtime/secret.js';
import { isJwt } from './credential-file/access-token-claims.js';
import { headerText, type TokenGrant } from './credential-file/credential.js';
import { UpstreamClock } from './upstream-clock.js';

/** Codex's public OAuth client (docs/protocol.md, section on refresh): the tokens were issued to it. */
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';

/**
 * Each token is read by itself: an unusable one counts as absent, and does not affect the others. Other fields, such as
 * `expires_in`, are not read: the access token itself says when it expires.
 */
const grantSchema = z
  .object({
    access_token: z.string().regex(headerText).nullish().catch(null),
    refresh_token: z.string().regex(/\S/).nullish().catch(null),
    // Codex cannot read a file whose id token is no JWT.
    id_token: z.string().refine(isJwt).nullish().catch(null),
  })
  .refine((it) => it.access_token != null || it.refresh_token != null)
  .transform((it): TokenGrant => ({
    accessToken: secretOf(it.access_token),
    refreshToken: secretOf(it.refresh_token),
    idToken: secretOf(it.id_token),
  }));

export type RefreshResponse =
  | { readonly kind: 'granted'; readonly grant: TokenGrant }
  | { readonly kind: 'refused-for-good'; readonly code: string }
  /** The refresh token should still be good: nothing was sent, or the refusal is temporary. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isNetworkFault: boolean }
  /** The request was sent, but its result is unknown: the refresh token may be used up. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type RefreshReason = 'proactive_expiry' | 'unauthorized_recovery' | 'forced';

const permanentCodes: ReadonlySet<string> = new Set([
  'refresh_token_expired',
  'refresh_token_reused',
  'refresh_token_invalidated',
]);

const knownCodes: ReadonlySet<string> = new Set([
  ...permanentCodes,
  'invalid_grant',
  'invalid_request',
  'invalid_client',
  'server_error',
  'temporarily_unavailable',
  'rate_limit_exceeded',
  'token_expired',
  'token_invalidated',
  'app_session_terminated',
  'account_session_expired',
  'account_deactivated',
  'account_suspended',
  'account_deleted',
]);

/** Requests the next generation of tokens from the token endpoint. Never throws: failures are results. */
@Injectable()
export class TokenRefreshClient {
  private readonly url: URL;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly upstreamClock: UpstreamClock,
    private readonly http: OutboundHttpClient,
  ) {
    this.url = new URL(`${config.refreshBase.href.replace(/\/$/, '')}/oauth/token`);
  }

  async refresh(refreshToken: Secret, reason: RefreshReason): Promise<RefreshResponse> {
    const observeDate = this.upstreamClock.asking();
    const end = await this.http.callOnce({
      method: 'POST',
      url: this.url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_id: CLIENT_ID,
        grant_type: 'refresh_token',
        refresh_reason: reason,
        refresh_token: refreshToken.reveal(),
      }),
      timeoutMs: limits.refreshTimeoutMs,
    });
    switch (end.kind) {
      case 'answered':
        if (end.response.status === 200) observeDate(end.response.headers);
        return readRefreshResponse(end.response.status, end.response.text);
      case 'not-sent':
        return {
          kind: 'failed',
          reason: `the token endpoint could not be reached: ${describeError(end.error)}`,
          isNetworkFault: true,
        };
      case 'unknown':
        return {
          kind: 'unknown',
          reason: `no complete response from the token endpoint: ${describeError(end.error)}`,
        };
      default:
        return end satisfies never;
    }
  }
}

/**
 * Reads a complete token endpoint response (docs/protocol.md, section on refresh). Final refusals are any 401, a
 * 400 `invalid_grant`, and the `refresh_token_…` codes at any status. A success without readable tokens is unknown,
 * because tokens may have been issued. All other responses are temporary failures.
 */
export function readRefreshResponse(status: number, text: string): RefreshResponse {
  const json = parseJson(text);
  if (status >= 200 && status < 300) {
    const grant = grantSchema.safeParse(json);
    if (grant.success) return { kind: 'granted', grant: grant.data };
    return { kind: 'unknown', reason: `the token endpoint answered ${status} without readable tokens` };
  }
  const code = errorCodeOf(json);
  const isPermanent =
    status === 401 ||
    (code !== null && permanentCodes.has(code)) ||
    (status === 400 && code === 'invalid_grant');
  if (isPermanent) return { kind: 'refused-for-good', code: code ?? `http_${status}` };
  return {
    kind: 'failed',
    reason: `the token endpoint answered ${status}${code === null ? '' : ` (${code})`}`,
    isNetworkFault: false,
  };
}

function secretOf(text: string | null | undefined): Secret | null {
  return text == null ? null : new Secret(text);
}

const errorSchema = z.object({
  error: z
    .union([z.string(), z.object({ code: z.string().nullish(), type: z.string().nullish() })])
    .nullish()
    .catch(null),
  code: z.string().nullish().catch(null),
});

function errorCodeOf(json: unknown): string | null {
  const parsed = errorSchema.safeParse(json);
  if (!parsed.success) return null;
  const { error, code } = parsed.data;
  const found = typeof error === 'string' ? error : (error?.code ?? error?.type ?? code ?? null);
  // The code is shown and logged, and the endpoint may echo the request, so only known codes are returned.
  return found !== null && knownCodes.has(found) ? found : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // HTML, a partial response, or nothing: only the status counts
  }
}
