import { describe, expect, it } from 'vitest';
import { classifyFailure, failureInMessage } from './event-failure.js';

const NOW = 1_700_000_000_000;
const turn = { route: 'turn', model: null } as const;
const outcome = (message: object) => classifyFailure(failureInMessage(JSON.stringify(message)), turn, NOW);
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
    expect(classifyFailure(failureInMessage('{'), turn, NOW)).toEqual({ kind: 'turn-failed' });
  });
});
