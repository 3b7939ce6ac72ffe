import { describe, expect, it } from 'vitest';
import { errorMessage, withoutSilentWait } from './error-message.js';

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

const message = (headers: unknown) =>
  Buffer.from(`{"type":"error", "status":503,"headers":${JSON.stringify(headers)}}`);

describe("upstream's error message to Codex", () => {
  const codex = { originator: 'codex_cli_rs' };

  it('loses a Retry-After of more than a minute, and nothing else', () => {
    const passed = withoutSilentWait(message({ 'Retry-After': '300', 'x-other': 1 }), codex);
    expect(JSON.parse(passed.toString())).toEqual({ type: 'error', status: 503, headers: { 'x-other': 1 } });
  });

  it.each([
    ['a minute', message({ 'retry-after': '60' }), codex],
    ['no headers', Buffer.from('{"type":"error"}'), codex],
    ['headers of another type', message('retry-after: 300'), codex],
    ['damaged JSON', Buffer.from('{"type":"error","headers":{"retry-after":"300"'), codex],
    ['another client', message({ 'retry-after': '300' }), {}],
  ])('is unchanged with %s', (_what, bytes, client) => {
    expect(withoutSilentWait(bytes, client)).toBe(bytes);
  });
});
