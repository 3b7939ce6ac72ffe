import type { Draw } from './draw.js';
import { oddText, oddValue, spoilt } from './odd-json.js';

const codes = [
  'usage_limit_reached',
  'rate_limit_exceeded',
  'insufficient_quota',
  'usage_not_included',
  'account_deactivated',
  'server_is_overloaded',
  'slow_down',
  'invalid_encrypted_content',
  'model_not_found',
  'credit_balance_exhausted',
  'unsupported_country_region_territory',
  'token_expired',
  'x',
] as const;

/** A time of a reset of any type. */
export function oddTime(draw: Draw): unknown {
  return draw.one([
    0,
    -1,
    1,
    1.5,
    1e300,
    -1e300,
    9_999_999_999_999,
    253_402_300_800,
    Number.MAX_SAFE_INTEGER,
    4_102_444_800,
    '1795728415',
    '2026-11-26T00:00:00Z',
    'Thu, 26 Nov 2026 00:00:00 GMT',
    'soon',
    '',
    null,
    true,
    [],
    {},
    [1],
    '1e9',
  ]);
}

/** An `error` in an envelope, of a known code with odd fields, or of any type. */
export function oddError(draw: Draw): unknown {
  if (draw.happens(0.25)) return oddValue(draw);
  return spoilt(draw, {
    code: draw.one(codes),
    type: draw.one(codes),
    message: draw.one([
      'Try again in 1e999s',
      'try again in -5 seconds',
      'The model `x` does not exist',
      'm'.repeat(5_000),
      '',
    ]),
    plan_type: 'plus',
    resets_at: oddTime(draw),
    resets_in_seconds: oddTime(draw),
    metered_limit_name: draw.one(['codex', 'x'.repeat(3_000), '__proto__', '']),
  });
}

/** The body of a refusal. */
export function oddEnvelope(draw: Draw): Buffer {
  const error = oddError(draw);
  const envelope = draw.one<unknown>([
    { error },
    { error },
    { detail: error },
    error,
    [error],
    { error: { error } },
    { code: 'x', message: error },
  ]);
  return draw.happens(0.6) ? Buffer.from(JSON.stringify(envelope) ?? '') : oddText(draw, envelope);
}

const wire = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)).replace(/[^\t\x20-\x7e]/g, '').slice(0, 2_000);

/** Header fields of a refusal or a turn with odd values. All are legal on the wire. */
export function oddHeaders(draw: Draw): string[] {
  return draw.list(0, 4, () =>
    draw.one<() => string>([
      () =>
        `retry-after: ${draw.one(['0', '-1', '1e9', '99999999999999999999', '1.5', 'soon', '', 'Thu, 26 Nov 2026 00:00:00 GMT', 'Thu, 99 Foo 9999', '5, 5', '\t3'])}`,
      () => `retry-after-ms: ${wire(oddTime(draw))}`,
      () => `x-codex-primary-used-percent: ${wire(oddTime(draw))}`,
      () => `x-codex-primary-window-minutes: ${wire(oddTime(draw))}`,
      () => `x-codex-primary-reset-at: ${wire(oddTime(draw))}`,
      () => `x-codex-secondary-reset-after-seconds: ${wire(oddTime(draw))}`,
      () => `x-codex-active-limit: ${wire(oddTime(draw))}`,
      () => `x-codex-credits-balance: ${wire(oddTime(draw))}`,
      () => `x-codex-credits-has-credits: ${wire(oddTime(draw))}`,
      () => `x-codex-__proto__-primary-used-percent: 5`,
      () => `x-codex-${'m'.repeat(draw.size(1, 2_000))}-limit-name: x`,
      () => `x-codex-turn-state: ${'s'.repeat(draw.size(1, 5_000))}`,
      () => `x-models-etag: ${wire(oddTime(draw))}`,
      () => `www-authenticate: Bearer error="invalid_token"`,
      () =>
        `content-type: ${draw.one(['text/html', 'application/json', 'text/event-stream', 'x', '', 'text/event-stream; charset=\xff'])}`,
      () => `server: cloudflare\r\ncf-ray: x\r\ncf-mitigated: challenge`,
      () => `date: ${wire(oddTime(draw))}`,
      () => `set-cookie: a=b`,
    ])(),
  );
}
