import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { after, custom, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { created, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { DAY, FakeClock, MINUTE } from '../../support/fake-clock.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { call, send as exchange, turnWith } from '../../support/clients/raw-http.js';
import { spellingsOf } from '../../support/clients/path-variants.js';

const LIST = '/v1/models?client_version=0.169.0';
const COMPACT = '/backend-api/codex/responses/compact';
const SETTINGS = '/backend-api/wham/settings/user';
const MODELS = '/backend-api/codex/models';

/** Sends these bytes and closes the connection. */
const bytes = (text: string): ScriptedResponse => custom((req) => void req.socket.end(text));

describe('a malformed upstream response', () => {
  it.each([
    ['/v1/responses', 'POST'],
    [SETTINGS, 'GET'],
  ])('with control characters in its reason phrase still reaches the client: %s', async (path, method) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const odd = 'HTTP/1.1 400 Not\x07 \x7fgo\xf6d\r\ncontent-length: 2\r\n\r\n{}';
    pool.fakeUpstream.account('a').always(bytes(odd));
    pool.fakeUpstream.on('GET', SETTINGS, (req) => void req.socket.end(Buffer.from(odd, 'latin1')));
    const response = await call(pool.origin, { method, path, ...(method === 'POST' ? turnWith('{}') : {}) });
    expect([400, 503]).toContain(response.status);
    expect(response.isBroken).toBe(false);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it.each(['resetsAt', 'resetsInSeconds'])('with a limit of 30 million years by %s', async (field) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const fields = ['window-minutes', 'reset-at', 'reset-after-seconds'].map((it) => [it, String(1e15)]);
    const headers = Object.fromEntries(
      [['used-percent', '100'], ...fields].map(([name, value]) => [`x-codex-primary-${name}`, value ?? '']),
    );
    pool.fakeUpstream.account('a').always(usageLimit({ [field]: 1e15, headers }));
    for (const _turn of [1, 2]) {
      const { status, body } = await send(pool);
      expect(status).toBe(429);
      expect(JSON.parse(body.toString())).toMatchObject({ error: { type: 'usage_limit_reached' } });
    }
    expect((await pool.account('a')).until).toBeLessThanOrEqual(Date.now() + 366 * DAY);
    await pool.client.get('/readyz').expect(503);
  });

  it('of an unrequested protocol is a 503 with JSON', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n';
    const handle = custom((req) => void req.socket.write(upgrade));
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(handle);
    const { status, body } = await send(pool);
    expect(status).toBe(503);
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: 'upstream_unreachable' } });
    await pool.fakeUpstream.until(() => pool.fakeUpstream.inFlight() === 0, 'the end of everything sent');
  });

  it.each([
    ['home', 'GET', SETTINGS],
    ['session', 'POST', '/backend-api/codex/alpha/search'],
  ])('a deactivated account’s 401 on a %s route is 503 for the client', async (_kind, method, path) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const body = JSON.stringify({ error: { code: 'account_deactivated', message: 'gone' } });
    pool.fakeUpstream.on(method, path, (_req, res) => void res.writeHead(401).end(body));
    const response = await call(pool.origin, { method, path, ...(method === 'POST' ? { body: '{}' } : {}) });
    expect(response).toMatchObject({
      status: 503,
      headers: { 'x-codex-pool-error': 'account_unauthorized' },
    });
    expect(JSON.parse(response.body.toString())).toHaveProperty('error.message');
  });

  it('that is a compressed event stream is passed on at once', async () => {
    await using pool = await TestPool.start();
    const turn = controlled({ 'content-encoding': 'gzip' });
    pool.fakeUpstream.account('a').answers(turn.response);
    const client = exchange(pool.origin, turnWith(JSON.stringify(aTurn())));
    const piece = gzipSync(framed(created()));
    turn.send({ bytes: piece });
    await client.until(() => client.body.equals(piece), 'the first piece', 2_000);
    turn.end();
    expect((await client.whole()).headers['content-encoding']).toBe('gzip');
  });
});

describe('the first response that a starting client waits for', () => {
  it('is an empty config bundle when the token has expired and the token endpoint does not respond', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(10 * DAY + MINUTE);
    const held = pool.fakeUpstream.tokens.hold();
    const askedAt = performance.now();
    const headers = { 'chatgpt-account-id': 'acct-a' };
    const { body } = await pool.client.get('/backend-api/wham/config/bundle').set(headers).expect(200);
    held.release(); // the program does not exit before its refresh
    expect(body).toEqual({});
    expect(performance.now() - askedAt).toBeLessThan(6_500);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });

  it('is the last known model list while upstream is silent, and the newer list once it arrives', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    const { body: known } = await pool.client.get(LIST).expect(200);
    clock.advance(6 * MINUTE);
    const gate = Promise.withResolvers<void>();
    pool.fakeUpstream.on('GET', MODELS, async (_req, res) => {
      await gate.promise;
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"models":["newer"]}');
    });
    const askedAt = performance.now();
    expect((await pool.client.get(LIST).expect(200)).body).toEqual(known);
    expect(performance.now() - askedAt).toBeLessThan(2_500);
    gate.resolve();
    const list = async () => (await pool.client.get(LIST).expect(200)).body;
    await expect.poll(list).toEqual({ models: ['newer'] });
  });
});

it.each([
  ['POST', '/backend-api/wham/rate-limit-reset-credits/consume'],
  ['POST', '/api/codex/rate-limit-reset-credits/consume'],
  ['GET', '/backend-api/wham/usage'],
  ['GET', '/api/codex/usage'],
])('no spelling of %s %s is sent upstream with an account’s token', async (method, path) => {
  await using pool = await TestPool.start({ accounts: ['a'] });
  for (const spelling of spellingsOf(path)) {
    const { status } = await call(pool.origin, { method, path: spelling });
    expect([spelling, status]).toEqual([spelling, expect.toSatisfy((it) => it === 200 || it === 404)]);
  }
  expect(forwarded(pool.fakeUpstream).map((it) => it.path)).toEqual([]);
});

describe('a session or a model that an account cannot serve', () => {
  const session = { 'session-id': 's-1' };

  it('does not carry another account’s turn state into a compaction', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').turnState('issued-by-a');
    await pool.turn(session).expect(200);
    pool.fakeUpstream.account('a').answers(usageLimit());
    await pool.turn(session).expect(200);
    pool.fakeUpstream.on('POST', COMPACT, (_req, res) => void res.writeHead(200).end('{}'));
    const headers = { ...session, 'x-codex-turn-state': 'issued-by-a' };
    await pool.client.post('/v1/responses/compact').set(headers).send({ input: [] }).expect(200);
    const compact = pool.fakeUpstream.log.find((it) => it.path === COMPACT);
    expect(compact).toMatchObject({ account: 'b', headers: { 'session-id': 's-1' } });
    expect(compact?.headers).not.toHaveProperty('x-codex-turn-state');
  });

  it('moves to one other account together with all its running requests', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(pool);
    await pool.turn(session).expect(200);
    const refused = Promise.withResolvers<void>();
    const served = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').always(after(refused.promise, usageLimit()));
    for (const name of ['b', 'c', 'd'])
      pool.fakeUpstream.account(name).always(after(served.promise, streams()));
    const turns = Promise.all(Array.from({ length: 6 }, () => send(pool, { headers: session })));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 7, 'six turns on one account');
    refused.resolve();
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 13, 'six turns elsewhere');
    served.resolve();
    expect((await turns).map((it) => it.status)).toEqual(Array.from({ length: 6 }, () => 200));
    const [first, ...later] = pool.fakeUpstream.attempts();
    expect([first, new Set(later.slice(0, 6))]).toEqual(['a', new Set(['a'])]);
    expect(new Set(later.slice(6)).size).toBe(1);
  });

  it('finds the one account entitled to the model on the client’s retry, after the budget ran out', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(pool);
    const detail = "The 'gpt-9' model is not supported when using Codex with a ChatGPT account.";
    for (const name of ['a', 'b', 'c']) pool.fakeUpstream.account(name).always(refuses(400, { detail }));
    const first = await pool.turn({}, aTurn({ model: 'gpt-9' })).expect(503);
    expect(first.headers).toMatchObject({ 'retry-after': '1', 'x-codex-pool-error': 'attempt_budget_spent' });
    await pool.turn({}, aTurn({ model: 'gpt-9' })).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('reports that upstream is down, although some accounts are untried', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c', 'd'] });
    await polled(pool);
    await pool.fakeUpstream.goDown();
    const response = await send(pool);
    expect(response).toMatchObject({
      status: 503,
      headers: { 'x-codex-pool-error': 'upstream_unreachable' },
    });
  });
});
