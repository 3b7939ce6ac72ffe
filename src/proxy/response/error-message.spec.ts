import { describe, expect, it } from 'vitest';
import { errorMessage } from './error-message.js';

describe('a local response as a message', () => {
  it('says the same as the HTTP response, header fields included', () => {
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
