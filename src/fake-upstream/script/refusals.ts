import type { ScriptedHeaders, StreamResponse, WholeResponse } from './scripted-response.js';
import { refuses, streams } from './responses.js';
import { created, failed } from './turn-events.js';

const UPSELL_SECONDS = 3_600;

/** When the limit ends. Default: in an hour. `resetsAt` is in Unix seconds, as on the wire. */
export interface UsageLimitOptions {
  /** null: no time is sent. */
  readonly resetsAt?: number | null;
  readonly resetsInSeconds?: number;
  readonly plan?: string;
  /** The meter whose limit it is. Default: none is named, so it is the general one. */
  readonly meter?: string;
  /** Where the meter is named. Default: in the header. */
  readonly meterIn?: MeterPlace;
  readonly headers?: ScriptedHeaders;
}

/** The places where a refusal can name its meter: the header `x-codex-active-limit`, or a field of the error. */
export type MeterPlace = 'header' | 'limit_name' | 'metered_limit_name';

/** 429 for an account whose quota is used up. On a socket, the same as an `error` message. */
export function usageLimit(options: UsageLimitOptions = {}): WholeResponse {
  return refuses(429, { error: limitError(options) }, limitHeaders(options));
}

/** A 200 stream whose first significant event is `response.failed` with the same error. */
export function usageLimitFirst(options: UsageLimitOptions = {}): StreamResponse {
  const { message, ...extra } = limitError(options);
  return streams({
    events: [created(), failed('usage_limit_reached', message, extra)],
    headers: limitHeaders(options),
  });
}

function limitError(options: UsageLimitOptions): { message: string; [field: string]: unknown } {
  const { plan = 'plus', meter, meterIn = 'header' } = options;
  return {
    type: 'usage_limit_reached',
    message: 'The usage limit has been reached',
    plan_type: plan,
    ...(meter === undefined || meterIn === 'header' ? {} : { [meterIn]: meter }),
    ...resetFields(options),
  };
}

function limitHeaders({ meter, meterIn = 'header', headers = {} }: UsageLimitOptions): ScriptedHeaders {
  const isNamed = meter !== undefined && meterIn === 'header';
  return { ...(isNamed ? { 'x-codex-active-limit': meter } : {}), ...headers };
}

function resetFields({ resetsAt, resetsInSeconds }: UsageLimitOptions): object {
  if (resetsAt === null) return {};
  if (resetsAt === undefined && resetsInSeconds === undefined) {
    const now = Math.floor(Date.now() / 1_000);
    return { resets_at: now + UPSELL_SECONDS, resets_in_seconds: UPSELL_SECONDS };
  }
  return {
    ...(resetsAt === undefined ? {} : { resets_at: resetsAt }),
    ...(resetsInSeconds === undefined ? {} : { resets_in_seconds: resetsInSeconds }),
  };
}

/** A 429 that is not about quota. With `text`, the body is that text instead of JSON. */
export function rateLimit(retryAfter?: number | string, text?: string): WholeResponse {
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  if (text !== undefined) return refuses(429, text, headers);
  return refuses(429, errorOf('rate_limit_exceeded', 'Too many requests.'), headers);
}

/** 401 for an access token that is no longer valid. */
export function unauthorized(): WholeResponse {
  return refuses(401, errorOf('token_expired', 'The access token is expired or not known.'));
}

/** 403 with JSON: the account is refused. */
export function forbidden(): WholeResponse {
  return refuses(403, errorOf('forbidden', 'This account may not do that.'));
}

/** 402 for a deactivated workspace. */
export function deactivated(code = 'deactivated_workspace'): WholeResponse {
  return refuses(402, { detail: { code } });
}

/** 403 with HTML from the edge in front of the backend; it does not concern the account. */
export function edgeBlock(): WholeResponse {
  const page =
    '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Blocked.</body></html>';
  const marks = { server: 'cloudflare', 'cf-ray': '8c0ffee8c0ffee00-AMS', 'cf-mitigated': 'challenge' };
  return refuses(403, page, { 'content-type': 'text/html; charset=UTF-8', ...marks });
}

/** 503 for a model without free capacity. */
export function overloaded(): WholeResponse {
  return refuses(503, errorOf('server_is_overloaded', 'The servers are overloaded.'));
}

function errorOf(code: string, message: string): object {
  return { error: { message, type: code, param: null, code } };
}
