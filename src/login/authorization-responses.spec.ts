import { describe, expect, it } from 'vitest';
import { readDeviceResponse, readDeviceStart, readExchangeResponse } from './authorization-responses.js';

const tokens = { id_token: 'made-up-id', access_token: 'made-up-access', refresh_token: 'made-up-refresh' };

describe('the response to a code', () => {
  it('is a grant with all three tokens, which do not print', () => {
    const response = readExchangeResponse(200, JSON.stringify(tokens));
    expect(response.kind).toBe('granted');
    expect(JSON.stringify(response)).not.toContain('made-up');
  });

  it.each([
    ['a refusal', 400, '{"error":"invalid_grant"}', 'exchange_refused'],
    ['a fault', 500, JSON.stringify(tokens), 'exchange_refused'],
    ['a redirect', 302, '', 'exchange_refused'],
    ['HTML', 200, '<html>made-up</html>', 'exchange_unreadable'],
    ['half a response', 200, JSON.stringify(tokens).slice(0, -3), 'exchange_unreadable'],
    ['nothing', 200, '', 'exchange_unreadable'],
    ['no refresh token', 200, JSON.stringify({ ...tokens, refresh_token: null }), 'exchange_unreadable'],
    ['an empty token', 200, JSON.stringify({ ...tokens, id_token: '' }), 'exchange_unreadable'],
    ['a list', 200, JSON.stringify([tokens]), 'exchange_unreadable'],
  ])('is invalid with %s', (_what, status, text, code) => {
    const answer = readExchangeResponse(status, text);
    expect(answer).toMatchObject({ kind: 'failed', code, message: expect.stringContaining(String(status)) });
    expect(JSON.stringify(answer)).not.toContain('made-up');
  });
});

describe('the start of a device login', () => {
  const begun = { device_auth_id: 'made-up', user_code: 'AB-CD', interval: '7' };

  it.each([
    ['as text', begun, 7_000],
    ['as a number', { ...begun, interval: 9 }, 9_000],
    ['missing', { ...begun, interval: undefined }, 5_000],
    ['not a number', { ...begun, interval: 'soon' }, 5_000],
    ['negative', { ...begun, interval: -3 }, 5_000],
    ['too short', { ...begun, interval: 0.001 }, 1_000],
    ['endless', { ...begun, interval: 1e9 }, 60_000],
  ])('is read with an interval that is %s', (_what, body, ms) => {
    const start = readDeviceStart(200, JSON.stringify(body));
    expect(start).toMatchObject({ kind: 'begun', userCode: 'AB-CD', intervalMs: ms });
  });

  it('may spell the user code as one word', () => {
    const body = { device_auth_id: 'made-up', usercode: 'AB-CD' };
    expect(readDeviceStart(200, JSON.stringify(body))).toMatchObject({ kind: 'begun', userCode: 'AB-CD' });
  });

  it.each([
    ['a refusal', 403, JSON.stringify(begun), 'device_refused'],
    ['no user code', 200, JSON.stringify({ ...begun, user_code: null }), 'device_unreadable'],
    [
      'a user code too long to type',
      200,
      JSON.stringify({ ...begun, user_code: 'x'.repeat(101) }),
      'device_unreadable',
    ],
    ['HTML', 200, '<html>', 'device_unreadable'],
  ])('is invalid with %s', (_what, status, text, code) => {
    expect(readDeviceStart(status, text)).toMatchObject({ kind: 'failed', code });
  });
});

describe('the response to a device login', () => {
  it.each([403, 404, 429, 500, 503])('is "not yet" with status %i', (status) => {
    expect(readDeviceResponse(status, '<html>')).toEqual({ kind: 'pending' });
  });

  it('is a code with its verifier, once allowed', () => {
    const body = {
      authorization_code: 'made-up-code',
      code_challenge: 'c',
      code_verifier: 'made-up-verifier',
    };
    const response = readDeviceResponse(200, JSON.stringify(body));
    expect(response.kind).toBe('allowed');
    expect(JSON.stringify(response)).not.toContain('made-up');
  });

  it.each([
    [400, '{}', 'device_refused'],
    [410, '{}', 'device_refused'],
    [200, '{}', 'device_unreadable'],
    [200, '<html>', 'device_unreadable'],
  ])('ends the login with %i %s', (status, text, code) => {
    expect(readDeviceResponse(status, text)).toMatchObject({ kind: 'failed', code });
  });
});
