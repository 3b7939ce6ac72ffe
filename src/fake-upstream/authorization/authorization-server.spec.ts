import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../fake-upstream.js';

const VERIFIER = 'v'.repeat(86);
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const REDIRECT = 'http://127.0.0.1:1455/auth/callback';

function authorizeUrl(fakeUpstream: FakeUpstream, changes: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT,
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
    state: 's'.repeat(43),
    scope: 'openid profile email offline_access',
    id_token_add_organizations: 'true',
    codex_cli_simplified_flow: 'true',
    originator: 'codex_cli_rs',
    ...changes,
  });
  return `${fakeUpstream.origin}/oauth/authorize?${query.toString()}`;
}

async function exchange(
  fakeUpstream: FakeUpstream,
  code: string,
  changes: Readonly<Record<string, string>> = {},
) {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: CLIENT_ID,
    code,
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    ...changes,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return fetch(`${fakeUpstream.origin}/oauth/token`, { method: 'POST', headers, body: body.toString() });
}

const codeIn = (address: string): string => new URL(address).searchParams.get('code') ?? '';

describe("the fake upstream's login", () => {
  it('issues valid tokens for a code, once', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const code = codeIn(fakeUpstream.authorization.allow(authorizeUrl(fakeUpstream), 'a'));
    const tokens = await (await exchange(fakeUpstream, code)).json();
    expect(tokens).toMatchObject(
      (({ id_token, access_token, refresh_token }) => ({ id_token, access_token, refresh_token }))(
        fakeUpstream.account('a').authJson().tokens,
      ),
    );
    expect((await exchange(fakeUpstream, code)).status).toBe(400);
    expect(fakeUpstream.authorization.codes.reuses).toBe(1);
  });

  it.each([
    ['another verifier', { code_verifier: 'w'.repeat(86) }],
    ['a verifier that is too short', { code_verifier: 'v'.repeat(42) }],
    ['another redirect address', { redirect_uri: 'http://127.0.0.1:1457/auth/callback' }],
    ['another client', { client_id: 'app_other' }],
    ['another code', { code: 'ac_made-up.other' }],
  ])('issues none for %s', async (_what, changes) => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const code = codeIn(fakeUpstream.authorization.allow(authorizeUrl(fakeUpstream), 'a'));
    expect((await exchange(fakeUpstream, code, changes)).status).toBe(400);
  });

  it.each([
    ['client_id', 'app_other'],
    ['redirect_uri', 'http://evil.example/auth/callback'],
    ['code_challenge_method', 'plain'],
    ['state', ''],
    ['scope', 'openid'],
  ])('has no page for another %s', async (name, value) => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    expect((await fetch(authorizeUrl(fakeUpstream, { [name]: value }))).status).toBe(400);
  });

  it('redirects a browser back with its state', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.authorization.person = 'a';
    const page = await (await fetch(authorizeUrl(fakeUpstream))).text();
    const link = (/id="allow" href="([^"]+)"/.exec(page)?.[1] ?? '').replaceAll('&amp;', '&');
    const response = await fetch(fakeUpstream.origin + link, { redirect: 'manual' });
    const back = new URL(response.headers.get('location') ?? '');
    expect(back.origin + back.pathname).toBe(REDIRECT);
    expect(back.searchParams.get('state')).toBe('s'.repeat(43));
    expect((await exchange(fakeUpstream, codeIn(back.href))).status).toBe(200);
  });

  it('still renews tokens by JSON at the same URL', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const { refresh_token } = fakeUpstream.account('a').authJson().tokens;
    const body = JSON.stringify({ grant_type: 'refresh_token', refresh_token });
    const headers = { 'content-type': 'application/json' };
    expect(
      (await fetch(`${fakeUpstream.origin}/oauth/token`, { method: 'POST', headers, body })).status,
    ).toBe(200);
  });
});
