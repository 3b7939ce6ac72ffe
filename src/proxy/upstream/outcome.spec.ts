import { describe, expect, it } from 'vitest';
import { classify } from './outcome.js';
import { readEnvelope } from './error-envelope.js';

const json = { 'content-type': 'application/json' };
const html = { 'content-type': 'text/html; charset=UTF-8' };
const of = (
  status: number,
  body: unknown = null,
  headers: Record<string, string> = json,
  isFirstEvent = false,
) => classify({ status, headers, envelope: readEnvelope(body), isFirstEvent }, 0);
const error = (code: string, message = '') => ({ error: { code, message } });
const type = (it: string) => ({ error: { type: it } });

describe('a response', () => {
  it.each([
    [200, null, 'success'],
    [201, null, 'success'],
    [401, null, 'unauthorized'],
    [401, error('account_deactivated'), 'deactivated'],
    [402, null, 'deactivated'],
    [403, error('account_suspended'), 'deactivated'],
    [403, { detail: 'nope' }, 'forbidden'],
    [400, { detail: { code: 'deactivated_workspace' } }, 'deactivated'],
    [429, type('usage_limit_reached'), 'quota-exhausted'],
    [429, error('insufficient_quota'), 'quota-exhausted'],
    [429, { error: 'quota_exceeded' }, 'quota-exhausted'],
    [429, { code: 'usage_limit_reached' }, 'quota-exhausted'],
    [429, type('usage_not_included'), 'not-entitled'],
    [429, error('rate_limit_exceeded'), 'rate-limited'],
    [429, null, 'rate-limited'],
    [
      400,
      { detail: "The 'x' model is not supported when using Codex with a ChatGPT account." },
      'not-entitled',
    ],
    [400, error('model_not_supported'), 'not-entitled'],
    [400, error('unsupported_value', 'With this model the effort is not supported'), 'client-error'],
    [400, error('invalid_value', "The 'x' model has this not available."), 'client-error'],
    [400, error('invalid_prompt'), 'client-error'],
    [400, type('usage_limit_reached'), 'client-error'],
    [400, error('invalid_encrypted_content'), 'cross-account-content'],
    [422, error('invalid_encrypted_content'), 'client-error'],
    [404, null, 'client-error'],
    [413, null, 'client-error'],
    [501, null, 'client-error'],
    [500, null, 'upstream-error'],
    [502, null, 'upstream-error'],
    [503, null, 'upstream-error'],
    [503, error('server_is_overloaded'), 'overloaded'],
    [503, error('x', 'Selected model is at capacity.'), 'overloaded'],
    [503, error('slow_down'), 'overloaded'],
    [524, null, 'upstream-error'],
    [302, null, 'client-error'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(of(status, body).kind).toBe(kind);
  });

  it.each([
    ['an HTML page', html],
    ['a challenge', { ...json, 'cf-mitigated': 'challenge' }],
    ['Cloudflare without a body', { server: 'cloudflare' }],
  ])('403 with %s is an edge block', (_what, headers) => {
    expect(of(403, null, headers).kind).toBe('edge-block');
  });

  it.each([
    ['usage_limit_reached', '', 'quota-exhausted'],
    ['usage_not_included', '', 'not-entitled'],
    ['rate_limit_exceeded', 'try again in 3s', 'rate-limited'],
    ['slow_down', 'try again in 3s', 'rate-limited'],
    ['slow_down', '', 'overloaded'],
    ['server_is_overloaded', '', 'overloaded'],
    ['invalid_encrypted_content', '', 'cross-account-content'],
    ['context_length_exceeded', '', 'turn-failed'],
    ['server_error', '', 'turn-failed'],
  ])('whose first event fails with %s (%s) is %s', (code, message, kind) => {
    expect(of(200, error(code, message), {}, true).kind).toBe(kind);
  });

  it('reports when quota is back, as integer, float or text', () => {
    for (const resetsAt of [1_795_000_000, 1_795_000_000.5, '1795000000']) {
      const outcome = of(429, { error: { type: 'usage_limit_reached', resets_at: resetsAt } });
      expect(outcome).toMatchObject({ kind: 'quota-exhausted', hint: { resetsAt: Number(resetsAt) } });
    }
  });

  it.each([
    ['in the error', { error: { type: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 } }],
    ['in the detail', { detail: { code: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 } }],
    ['at the top', { code: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 }],
  ])('reports when quota is back beside its code: %s', (_where, body) => {
    const hint = { resetsAt: 9, resetsInSeconds: 4 };
    expect(of(429, body)).toEqual({ kind: 'quota-exhausted', hint });
  });

  it('reports how long to wait', () => {
    expect(of(503, error('slow_down'), { 'retry-after': '20' })).toEqual({
      kind: 'rate-limited',
      retryAfterMs: 20_000,
    });
    expect(of(429, null, { 'retry-after': '7' })).toEqual({ kind: 'rate-limited', retryAfterMs: 7_000 });
    expect(of(429, error('x', 'try again in 2s'))).toEqual({ kind: 'rate-limited', retryAfterMs: 2_000 });
    expect(of(429, null)).toEqual({ kind: 'rate-limited', retryAfterMs: null });
  });
});
