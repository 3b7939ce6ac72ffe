import { describe, expect, it } from 'vitest';
import { readRefreshResponse } from './token-refresh-client.js';

describe('a token endpoint response', () => {
  it.each([
    [401, '{"error":{"code":"refresh_token_reused"}}', 'refused-for-good'],
    [401, 'Unauthorized', 'refused-for-good'],
    [401, '', 'refused-for-good'],
    [400, '{"error":"invalid_grant"}', 'refused-for-good'],
    [400, '{"error":{"code":"invalid_grant"}}', 'refused-for-good'],
    [403, '{"code":"refresh_token_invalidated"}', 'refused-for-good'],
    [500, '{"error":{"code":"refresh_token_expired"}}', 'refused-for-good'],
    [400, '{"error":"invalid_request"}', 'failed'],
    [403, '<html>blocked</html>', 'failed'],
    [403, '{"error":{"code":"invalid_grant"}}', 'failed'],
    [429, '{}', 'failed'],
    [500, '{"error":"server_error"}', 'failed'],
    [200, '<html>welcome</html>', 'unknown'],
    [200, '{}', 'unknown'],
    [200, '{"access_token":""}', 'unknown'],
    [200, '{"access_token":"a', 'unknown'],
    [200, '', 'unknown'],
    [200, '{"id_token":"i"}', 'unknown'],
    [302, '', 'failed'],
    [200, '{"access_token":"a"}', 'granted'],
    [200, '{"refresh_token":"r"}', 'granted'],
    [200, '{"refresh_token":"r","access_token":"","id_token":7}', 'granted'],
    [200, '{"refresh_token":"r","access_token":"in two\\nlines"}', 'granted'],
    [200, '{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":1}', 'granted'],
  ])('%i %s is %s', (status, text, kind) => {
    expect(readRefreshResponse(status, text).kind).toBe(kind);
  });

  it.each<[string, string, Partial<Record<'accessToken' | 'refreshToken' | 'idToken', string>>]>([
    ['an empty id token', '{"access_token":"a","refresh_token":"r","id_token":""}', {}],
    ['an id token that is no JWT', '{"access_token":"a","refresh_token":"r","id_token":"opaque"}', {}],
    ['an id token of two parts', `{"access_token":"a","refresh_token":"r","id_token":"x.e30"}`, {}],
    ['an id token without claims', `{"access_token":"a","refresh_token":"r","id_token":"x.W10.y"}`, {}],
    [
      'a JWT as id token',
      '{"access_token":"a","refresh_token":"r","id_token":"x.e30.y"}',
      { idToken: 'x.e30.y' },
    ],
    ['an odd lifetime', '{"access_token":"a","refresh_token":"r","expires_in":"-1e99"}', {}],
    ['a blank refresh token', '{"access_token":"a","refresh_token":" \\n"}', { refreshToken: '' }],
    ['an empty access token', '{"access_token":"","refresh_token":"r"}', { accessToken: '' }],
    ['an access token of another type', '{"access_token":{},"refresh_token":"r"}', { accessToken: '' }],
  ])('with %s brings the others', (_case, text, different) => {
    const response = readRefreshResponse(200, text);
    if (response.kind !== 'granted') throw new Error(response.kind);
    const { accessToken, refreshToken, idToken } = response.grant;
    const brought = {
      accessToken: accessToken?.reveal() ?? '',
      refreshToken: refreshToken?.reveal() ?? '',
      idToken: idToken?.reveal() ?? '',
    };
    expect(brought).toEqual({ accessToken: 'a', refreshToken: 'r', idToken: '', ...different });
  });

  it("shows none of the endpoint's text except known codes", () => {
    const response = readRefreshResponse(401, '{"error":{"code":"token rt_canary was used"}}');
    expect(JSON.stringify(response)).not.toContain('canary');
  });
});
