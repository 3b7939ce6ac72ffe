import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  byModel,
  custom,
  dropsConnection,
  failedFirst,
  hangs,
  large,
  raw,
  refuses,
  streamOf,
  streams,
  toolCall,
} from './script/responses.js';
import { controlled } from './script/controlled-turn.js';
import { madeUpPlaceholderLogin, type AuthJson } from './script/made-up-credentials.js';
import { edgeBlock, rateLimit, usageLimit } from './script/refusals.js';
import { FakeUpstream } from './fake-upstream.js';
import { completed, delta } from './script/turn-events.js';

interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body broke off. */
  readonly isBroken: boolean;
}

let fakeUpstream: FakeUpstream;

beforeEach(async () => {
  fakeUpstream = await FakeUpstream.start({ accounts: ['a', { name: 'b', plan: 'pro' }] });
});

afterEach(async () => {
  await fakeUpstream.close();
});

const bearerOf = (name: string): Record<string, string> => ({
  authorization: `Bearer ${fakeUpstream.account(name).authJson().tokens.access_token}`,
});

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly signal?: AbortSignal;
  readonly onData?: (chunk: string) => void;
}

async function send(path: string, sent: Sent = {}): Promise<Received> {
  const { method = 'POST', headers = {}, body = '', signal, onData } = sent;
  return new Promise((resolve, reject) => {
    const req = httpRequest(fakeUpstream.origin + path, {
      method,
      headers,
      agent: false,
      ...(signal ? { signal } : {}),
    });
    req.once('error', reject);
    req.once('response', (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
        onData?.(chunk);
      });
      res.on('error', () => {});
      res.once('close', () => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, isBroken: !res.complete });
      });
    });
    req.end(body);
  });
}

const turn = (name: string, sent: Sent = {}): Promise<Received> =>
  send('/backend-api/codex/responses', {
    body: JSON.stringify({ model: 'gpt-5.5', input: [] }),
    ...sent,
    headers: { ...bearerOf(name), ...sent.headers },
  });

const dataOf = (body: string): { type: string; [field: string]: unknown }[] =>
  [...body.matchAll(/^data: (.*)$/gm)].map((line) => JSON.parse(line[1] ?? 'null'));

const usageOf = (name: string): Promise<Received> =>
  send('/backend-api/wham/usage', { method: 'GET', headers: bearerOf(name) });

const refresh = (refreshToken: string): Promise<Received> =>
  send('/oauth/token', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      refresh_reason: 'scheduled',
    }),
  });

describe('turns', () => {
  it('streams a message that names the account, from created to completed, with quota in the headers', async () => {
    const response = await turn('a');
    const events = dataOf(response.body);
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('content-type');
    expect(response.headers).toMatchObject({
      'openai-model': 'gpt-5.5',
      'x-models-etag': fakeUpstream.models.etag,
      'x-codex-primary-window-minutes': '300',
      'x-codex-secondary-window-minutes': '10080',
      'x-codex-plan-type': 'plus',
    });
    expect(events[0]?.type).toBe('response.created');
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { usage: { input_tokens: 100 } },
    });
    expect(response.body).toContain('"text":"served by a"');
  });

  it('serves each queued response once, then the one that always applies', async () => {
    fakeUpstream
      .account('a')
      .answers(usageLimit({ resetsAt: 1_900_000_000 }), rateLimit(7, 'slow'), failedFirst('server_error'));
    fakeUpstream.account('a').always(edgeBlock());
    const limited = await turn('a');
    expect(limited.status).toBe(429);
    expect(JSON.parse(limited.body)).toMatchObject({
      error: { type: 'usage_limit_reached', resets_at: 1_900_000_000 },
    });
    expect(await turn('a')).toMatchObject({ status: 429, headers: { 'retry-after': '7' }, body: 'slow' });
    expect(dataOf((await turn('a')).body).map((event) => event.type)).toEqual([
      'response.created',
      'response.failed',
    ]);
    expect(await turn('a')).toMatchObject({ status: 403, headers: { server: 'cloudflare' } });
    expect(await turn('b')).toMatchObject({ status: 200 });
    expect(fakeUpstream.attempts()).toEqual(['a', 'a', 'a', 'a', 'b']);
  });

  it('finds the model in a zstd body and logs the bytes as received', async () => {
    const body = zstdCompressSync(Buffer.from('{"input":[],"model":"gpt-6"}'));
    fakeUpstream.account('a').answers(byModel((model) => refuses(400, `no ${model}`)));
    const response = await turn('a', { body, headers: { 'content-encoding': 'zstd' } });
    expect(response.body).toBe('no gpt-6');
    expect(fakeUpstream.turns()[0]?.body.equals(body)).toBe(true);
  });

  it('cuts a stream after its deltas have been sent', async () => {
    fakeUpstream.account('a').answers(streams({ deltas: ['one', 'two', 'three'], thenCut: true }));
    const response = await turn('a');
    expect(response.isBroken).toBe(true);
    expect(
      dataOf(response.body).flatMap((event) => (event['delta'] === undefined ? [] : [event['delta']])),
    ).toEqual(['one', 'two', 'three']);
    expect(fakeUpstream.turns()[0]).toMatchObject({ status: 200, closedEarly: false });
  });

  it('uses CRLF and comments when scripted to', async () => {
    fakeUpstream
      .account('a')
      .answers(streams({ events: [delta('x'), completed()], lineEnding: '\r\n', comments: ['ping'] }));
    const { body } = await turn('a');
    expect(body.startsWith(': ping\r\n\r\nevent: response.output_text.delta\r\ndata: {')).toBe(true);
    expect(body.endsWith('}\r\n\r\n')).toBe(true);
  });

  it('sends raw bytes unchanged, and a handler can write anything', async () => {
    fakeUpstream.account('a').answers(
      raw([Buffer.from('data: {"a'), Buffer.from('":1}\n\n')]),
      custom((_req, res) => void res.writeHead(418).end('teapot')),
    );
    expect((await turn('a')).body).toBe('data: {"a":1}\n\n');
    expect(await turn('a')).toMatchObject({ status: 418, body: 'teapot' });
  });

  it('sends each event of a controlled turn when the test sends it', async () => {
    const played = controlled({ 'x-made-up': '1' });
    fakeUpstream.account('a').turnState('state-of-a').answers(played.response);
    const first = Promise.withResolvers<string>();
    const answering = turn('a', { onData: first.resolve });
    await played.started;
    played.send(delta('now'));
    expect(await first.promise).toContain('"delta":"now"');
    expect(fakeUpstream.inFlight()).toBe(1);
    played.send(completed());
    played.end();
    expect(await answering).toMatchObject({
      isBroken: false,
      headers: { 'x-made-up': '1', 'x-codex-turn-state': 'state-of-a' },
    });
    await fakeUpstream.untilIdle();
  });

  it('asks the client to run a tool', async () => {
    fakeUpstream.account('a').answers(toolCall('exec_command', { cmd: 'true' }));
    expect(dataOf((await turn('a')).body)[1]).toMatchObject({
      item: { type: 'function_call', arguments: '{"cmd":"true"}' },
    });
  });

  it('notices that a client leaves during silence', async () => {
    const silent = hangs();
    fakeUpstream.account('a').answers(silent);
    const gone = new AbortController();
    const answering = turn('a', { signal: gone.signal });
    await fakeUpstream.until((log) => log.length === 1, 'the turn');
    gone.abort();
    await expect(answering).rejects.toThrow('aborted');
    await fakeUpstream.until((log) => log[0]?.closedEarly === true, 'the end of the turn');
    expect(fakeUpstream.turns()[0]).toMatchObject({ status: null, closedEarly: true });
    expect(fakeUpstream.inFlight()).toBe(0);
  });

  it('responds once a silent turn is released, and drops a connection before any response', async () => {
    const silent = hangs();
    fakeUpstream.account('a').answers(silent, dropsConnection());
    const answering = turn('a');
    await fakeUpstream.until((log) => log.length === 1);
    silent.release();
    expect((await answering).status).toBe(200);
    await expect(turn('a')).rejects.toThrow('hang up');
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.turns()[1]).toMatchObject({ status: null, closedEarly: false });
  });

  it('produces a stream only as fast as it is read, and stops when the reader leaves', async () => {
    let made = 0;
    const endless = streamOf(function* () {
      for (;;) {
        made += 1;
        yield delta('x'.repeat(64 * 1_024));
      }
    });
    fakeUpstream.account('a').answers(endless);
    const gone = new AbortController();
    const answering = turn('a', { signal: gone.signal, onData: () => gone.abort() });
    await expect(answering).rejects.toThrow('aborted');
    await fakeUpstream.untilIdle();
    expect(made).toBeLessThan(256);
  });

  it('produces a response of the scripted size', async () => {
    fakeUpstream.account('a').answers(large(3_000_000));
    const { body } = await turn('a');
    expect(body.length).toBeGreaterThan(3_000_000);
    expect(dataOf(body).at(-1)?.type).toBe('response.completed');
  });
});

describe('credentials', () => {
  it('accepts only its own tokens, and refuses an account id that does not match the token', async () => {
    expect((await turn('a', { headers: { authorization: 'Bearer unknown' } })).status).toBe(401);
    expect((await turn('a', { headers: { 'chatgpt-account-id': 'acct-a' } })).status).toBe(200);
    expect((await turn('a', { headers: { 'chatgpt-account-id': 'acct-b' } })).status).toBe(403);
    expect(fakeUpstream.turns()[0]?.account).toBe(null);
  });

  it('refuses an access token that has expired or was revoked', async () => {
    fakeUpstream.addAccount({ name: 'old', accessTokenLifetimeSeconds: -1 });
    fakeUpstream.account('a').expireAccessToken();
    expect((await turn('old')).status).toBe(401);
    expect((await turn('a')).status).toBe(401);
    fakeUpstream.account('a').loginAgain();
    expect((await turn('a')).status).toBe(200);
  });

  it('rotates refresh tokens, notices the second use of one, and still accepts the older access token', async () => {
    fakeUpstream.tokens.revokesFamilies = false;
    const before = fakeUpstream.account('a').authJson();
    const response = await refresh(before.tokens.refresh_token);
    const granted: unknown = JSON.parse(response.body);
    const after = fakeUpstream.account('a').authJson();
    expect(granted).toEqual({
      id_token: after.tokens.id_token,
      access_token: after.tokens.access_token,
      refresh_token: after.tokens.refresh_token,
    });
    expect(after.tokens.refresh_token).not.toBe(before.tokens.refresh_token);
    const again = await refresh(before.tokens.refresh_token);
    expect(again.status).toBe(401);
    expect(JSON.parse(again.body)).toMatchObject({ error: { code: 'refresh_token_reused' } });
    expect(fakeUpstream.tokens.reuses).toBe(1);
    expect(fakeUpstream.tokens.requestsFor('a')).toHaveLength(2);
    const withOld = { headers: { authorization: `Bearer ${before.tokens.access_token}` } };
    expect((await turn('a', withOld)).status).toBe(200);
    fakeUpstream.tokens.strict = true;
    expect((await turn('a', withOld)).status).toBe(401);
  });

  it('revokes the whole family of a refresh token that is used twice, and no other family', async () => {
    const first = fakeUpstream.account('a').authJson().tokens;
    expect((await refresh(first.refresh_token)).status).toBe(200);
    const second = fakeUpstream.account('a').authJson().tokens;
    expect((await refresh(first.refresh_token)).status).toBe(401);
    const response = await refresh(second.refresh_token);
    expect(response.status).toBe(401);
    expect(JSON.parse(response.body)).toMatchObject({ error: { code: 'refresh_token_invalidated' } });
    expect(fakeUpstream.tokens.reuses).toBe(1);
    expect((await turn('a')).status).toBe(401);
    const next = fakeUpstream.account('a').loginAgain().tokens.refresh_token;
    expect((await turn('a')).status).toBe(200);
    expect((await refresh(next)).status).toBe(200);
  });

  it('holds a token request, and spoils others', async () => {
    const { refresh_token: token } = fakeUpstream.account('a').authJson().tokens;
    const held = fakeUpstream.tokens.hold();
    const refreshing = refresh(token);
    await held.arrived;
    expect(fakeUpstream.account('a').authJson().tokens.refresh_token).toBe(token);
    held.release();
    expect((await refreshing).status).toBe(200);
    fakeUpstream.tokens.answers(
      { status: 500, body: { error: 'server_error' } },
      'html',
      'drops',
      'drops-after-rotation',
    );
    const next = fakeUpstream.account('a').authJson().tokens.refresh_token;
    expect((await refresh(next)).status).toBe(500);
    expect((await refresh(next)).headers['content-type']).toBe('text/html');
    await expect(refresh(next)).rejects.toThrow('hang up');
    await expect(refresh(next)).rejects.toThrow('hang up');
    expect(fakeUpstream.tokens.reuses).toBe(0);
    expect((await refresh(next)).status).toBe(401);
  });

  it('makes up a login for a client, with the requested plan', () => {
    const login: AuthJson = madeUpPlaceholderLogin({ plan: 'business' });
    const payload = Buffer.from(login.tokens.id_token.split('.')[1] ?? '', 'base64url').toString();
    expect(JSON.parse(payload)).toMatchObject({
      'https://api.openai.com/auth': { chatgpt_plan_type: 'business' },
    });
  });
});

describe('other routes', () => {
  it.each([
    ['GET', '/backend-api/codex/models?client_version=0.169.0', { models: [] }],
    ['GET', '/backend-api/wham/accounts/check', { default_account_id: 'acct-b' }],
    ['GET', '/backend-api/wham/config/bundle', { bundle_of: 'b' }],
    ['GET', '/backend-api/wham/settings/user', { account: 'b' }],
    [
      'GET',
      '/backend-api/ps/plugins/installed?limit=200',
      { account: 'b', path: '/backend-api/ps/plugins/installed?limit=200' },
    ],
    ['POST', '/backend-api/ps/mcp', { account: 'b' }],
    ['POST', '/backend-api/codex/analytics-events/events', { account: 'b' }],
    ['POST', '/backend-api/codex/images/generations', { account: 'b' }],
    ['POST', '/backend-api/files', { file_id: 'file_b' }],
  ])('serves %s %s to a known token only', async (method, path, expected) => {
    const response = await send(path, { method, headers: bearerOf('b') });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toMatchObject(expected);
    expect((await send(path, { method })).status).toBe(401);
  });

  it('lists models only for a client that names its version', async () => {
    for (const query of ['', '?client_version=', '?x=1']) {
      const response = await send(`/backend-api/codex/models${query}`, {
        method: 'GET',
        headers: bearerOf('b'),
      });
      expect([response.status, response.body]).toEqual([400, expect.stringContaining('Field required')]);
    }
  });

  it('reports the scripted quota, and raw responses in its place', async () => {
    fakeUpstream.account('a').usage({ usedPercent: 100, windowSeconds: 604_800, resetsInSeconds: 60 });
    expect(JSON.parse((await usageOf('a')).body)).toMatchObject({
      plan_type: 'plus',
      account_id: 'acct-a',
      rate_limit: {
        limit_reached: true,
        primary_window: { used_percent: 100, limit_window_seconds: 604_800, reset_after_seconds: 60 },
        secondary_window: null,
      },
    });
    fakeUpstream.account('a').usageResponses(500, 'oops');
    expect(await usageOf('a')).toMatchObject({ status: 500, body: 'oops' });
  });

  it('has no other route, unless a test adds it', async () => {
    expect((await send('/backend-api/elsewhere', { headers: bearerOf('a') })).status).toBe(404);
    fakeUpstream.on(
      'POST',
      '/backend-api/elsewhere',
      (_req, res, logged) => void res.end(`hello ${logged.account}`),
    );
    expect((await send('/backend-api/elsewhere?x=1', { headers: bearerOf('a') })).body).toBe('hello a');
  });

  it('goes down and comes back on the same port', async () => {
    await fakeUpstream.goDown();
    await expect(turn('a')).rejects.toThrow('ECONNREFUSED');
    await fakeUpstream.reopen();
    expect((await turn('a')).status).toBe(200);
    expect(fakeUpstream.openConnections()).toBeLessThanOrEqual(1);
  });

  it('names the awaited event when a wait fails', async () => {
    await expect(fakeUpstream.until(() => false, 'a miracle', 20)).rejects.toThrow('waiting for a miracle');
  });
});
