import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { limits } from '../limits.js';
import { ownCall } from '../own-call.js';
import { describeError } from '../pool-error.js';
import { Secret } from '../secret.js';
import { UpstreamClock } from './upstream-clock.js';

/** Codex's own public OAuth client (docs/protocol.md, section on refresh): the tokens were issued to it. */
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';

const grantSchema = z
  .object({
    access_token: z.string().min(1),
    refresh_token: z.string().min(1).nullish(),
    id_token: z.string().min(1).nullish(),
  })
  .transform((it) => ({
    accessToken: new Secret(it.access_token),
    refreshToken: it.refresh_token == null ? null : new Secret(it.refresh_token),
    idToken: it.id_token == null ? null : new Secret(it.id_token),
  }));

/** What the token endpoint issued; a token that is null stays the one we have. */
export type TokenGrant = z.infer<typeof grantSchema>;

export type RefreshAnswer =
  | { readonly kind: 'granted'; readonly grant: TokenGrant }
  | { readonly kind: 'refused-for-good'; readonly code: string }
  | { readonly kind: 'failed'; readonly reason: string };

export type RefreshReason = 'proactive_expiry' | 'unauthorized_recovery' | 'forced';

const permanentCodes: ReadonlySet<string> = new Set([
  'refresh_token_expired',
  'refresh_token_reused',
  'refresh_token_invalidated',
]);

const toldCodes: ReadonlySet<string> = new Set([
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

/** Asks the token endpoint for the next generation of tokens. Never throws: every end is an answer. */
@Injectable()
export class TokenRefreshClient {
  private readonly url: URL;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly upstreamClock: UpstreamClock,
  ) {
    this.url = new URL(`${config.refreshBase.href.replace(/\/$/, '')}/oauth/token`);
  }

  async refresh(refreshToken: Secret, reason: RefreshReason): Promise<RefreshAnswer> {
    const tellTime = this.upstreamClock.asking();
    try {
      const answer = await ownCall({
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
      tellTime(answer.headers['date']);
      return readRefreshAnswer(answer.status, answer.text);
    } catch (error) {
      return { kind: 'failed', reason: `no answer from the token endpoint: ${describeError(error)}` };
    }
  }
}

/**
 * What the token endpoint's answer means. Refused for good are: any 401, a 400 `invalid_grant`, and the
 * `refresh_token_…` codes at any status. Everything else that is no grant is a passing failure.
 */
export function readRefreshAnswer(status: number, text: string): RefreshAnswer {
  const json = parseJson(text);
  if (status >= 200 && status < 300) {
    const grant = grantSchema.safeParse(json);
    if (grant.success) return { kind: 'granted', grant: grant.data };
    return { kind: 'failed', reason: `the token endpoint answered ${status} without tokens` };
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
  };
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
  // It is shown to people and logged, and the endpoint may echo what it was sent: only known words are told.
  return found !== null && toldCodes.has(found) ? found : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // HTML, half an answer, nothing: the status alone speaks
  }
}
