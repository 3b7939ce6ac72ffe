import { describe, expect, it } from 'vitest';
import { errorMessage, outcomeOfMessage } from './message-refusal.js';

const NOW = 1_700_000_000_000;
const outcome = (message: object) => outcomeOfMessage(Buffer.from(JSON.stringify(message)), null, NOW);
const error = (status: number, fields: object, headers: object = {}) => ({
  type: 'error',
  status,
  error: fields,
  headers,
});
const failed = (fields: object) => ({ type: 'response.failed', response: { error: fields } });

describe('a message that ends a turn', () => {
  it.each<[object, object]>([
    [
      error(429, { type: 'usage_limit_reached', resets_at: 7, resets_in_seconds: 8 }),
      { kind: 'quota-exhausted', hint: { resetsAt: 7, resetsInSeconds: 8 } },
    ],
    [
      error(429, { code: 'rate_limit_exceeded' }, { 'Retry-After': '3' }),
      { kind: 'rate-limited', retryAfterMs: 3_000 },
    ],
    [error(401, { code: 'token_expired' }), { kind: 'unauthorized' }],
    [error(402, {}), { kind: 'deactivated' }],
    [error(403, { message: 'no' }), { kind: 'forbidden' }],
    [error(403, { message: 'page' }, { 'cf-mitigated': 'challenge' }), { kind: 'edge-block' }],
    [error(500, {}), { kind: 'upstream-error' }],
    [error(503, { code: 'server_is_overloaded' }), { kind: 'overloaded' }],
    [error(400, { code: 'invalid_encrypted_content' }), { kind: 'cross-account-content' }],
    [error(400, { code: 'previous_response_not_found' }), { kind: 'client-error' }],
    [failed({ code: 'usage_limit_reached' }), { kind: 'quota-exhausted' }],
    [failed({ code: 'rate_limit_exceeded' }), { kind: 'rate-limited' }],
    [failed({ code: 'server_is_overloaded' }), { kind: 'overloaded' }],
    [failed({ code: 'made_up' }), { kind: 'turn-failed' }],
    [{ type: 'error', error: { type: 'usage_limit_reached' } }, { kind: 'quota-exhausted' }],
    [{ type: 'error' }, { kind: 'turn-failed' }],
  ])('%j', (message, meaning) => {
    expect(outcome(message)).toMatchObject(meaning);
  });

  it('that is not JSON fails the turn alone', () => {
    expect(outcomeOfMessage(Buffer.from('{'), null, NOW)).toEqual({ kind: 'turn-failed' });
  });

  it('of the proxy says the same as the HTTP response, header fields included', () => {
    const refusal = {
      status: 429,
      type: 'rate_limited',
      code: 'accounts_cooling_down',
      message: 'made-up',
      fields: { resets_at: 7 },
      headers: { 'retry-after': '9' },
    };
    const { status, type, code, message } = refusal;
    expect(JSON.parse(errorMessage(refusal).toString())).toEqual({
      type: 'error',
      status,
      error: { type, code, message, resets_at: 7 },
      headers: { 'retry-after': '9', 'x-codex-pool-error': code },
    });
  });
});
