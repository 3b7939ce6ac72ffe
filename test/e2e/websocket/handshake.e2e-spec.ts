import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edgePage, edgeRedirect } from '../../../src/fake-upstream/script/field-refusals.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  edgeBlock,
  forbidden,
  unauthorized,
  usageLimit,
} from '../../../src/fake-upstream/script/refusals.js';
import { accepts, resetsConnection } from '../../../src/fake-upstream/script/socket-script.js';
import { TestPool } from '../../support/pool/pool.js';
import { expectAllFree } from '../../support/pool/scope.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const in2Hours = Math.floor(Date.now() / 1_000) + 7_200;
const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;

async function serves(client: SocketClient): Promise<void> {
  const messages = (await client.turn()).map(typeOf);
  if (messages.at(-1) !== 'response.completed') throw new Error(`the turn ended with ${messages.at(-1)}`);
}

describe('the handshake of a WebSocket', () => {
  it('goes to the account of the session', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'] });
    const first = await SocketClient.connect(pool.origin);
    await serves(first);
    const [account] = pool.fakeUpstream.sockets.attempts();
    first.cut();
    for (let again = 0; again < 3; again += 1) {
      await using client = await SocketClient.connect(pool.origin, { session: first.session });
      await serves(client);
      expect(client.headers['x-codex-pool-account']).toBe(account);
    }
    await pool
      .turn({ 'session-id': first.session })
      .expect(200)
      .expect('x-codex-pool-account', account ?? '');
    expect(new Set(pool.fakeUpstream.sockets.attempts())).toEqual(new Set([account]));
  });

  it('is retried with a fresh token on the same account after a 401', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').expireAccessToken();
    await using client = await SocketClient.connect(pool.origin);
    await serves(client);
    expect(pool.fakeUpstream.handshakes().map((it) => [it.account, it.status])).toHaveLength(2);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it.each([
    ['429 usage_limit_reached', usageLimit(), 'quota-exhausted'],
    ['402', deactivated(), 'deactivated'],
    ['403 JSON', forbidden(), null],
    ['403 HTML', edgeBlock(), null],
    ['503', refuses(503, { error: { message: 'made-up' } }), null],
    ['500', refuses(500, 'made-up'), null],
    ['a reset', resetsConnection(), null],
  ])('fails over unnoticed after %s', async (_what, response, reason) => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.handshakesAlways(response);
    await using client = await SocketClient.connect(pool.origin);
    await serves(client);
    expect(client.headers['x-codex-pool-account']).toBe('b');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['b']);
    expect(await pool.account('a')).toMatchObject({ reason, inFlight: 0 });
  });

  it.each(['with a body', ''])(
    'leaves nothing in flight after a refusal that is passed on %s',
    async (body) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      pool.fakeUpstream.account('a').sockets.handshakesAlways(refuses(400, body));
      expect((await SocketClient.refused(pool.origin)).status).toBe(400);
      await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);
      const { text } = await pool.client.get('/metrics').expect(200);
      expect(text).toMatch(/^codex_pool_requests_total\{route="websocket",status="4xx"\} [1-9]/m);
    },
  );

  it('gets 429 with the earliest reset when every account is at its limit', async () => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').sockets.handshakesAlways(usageLimit({ resetsAt: in2Hours }));
    pool.fakeUpstream.account('b').sockets.handshakesAlways(usageLimit({ resetsAt: inAnHour }));
    const { status, headers, text } = await SocketClient.refused(pool.origin);
    expect(status).toBe(429);
    expect(headers['x-codex-pool-error']).toBe('usage_limit_reached');
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'usage_limit_reached', resets_at: inAnHour } });
  });

  it('gets 503 when upstream is unreachable, and 400 while rejected tokens cool down, but never 401', async () => {
    await using pool = await TestPool.start();
    for (const name of ['a', 'b'])
      pool.fakeUpstream.account(name).sockets.handshakesAlways(resetsConnection());
    const response = await SocketClient.refused(pool.origin);
    expect(response.status).toBe(503);
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).sockets.handshakesAlways(unauthorized());
    const [first, second] = [
      await SocketClient.refused(pool.origin),
      await SocketClient.refused(pool.origin),
    ];
    expect([first.status, second.status]).toEqual([503, 400]); // each request takes one account out
  });

  it('gets 400 from a pool of paused accounts, because Codex prints that at once', async () => {
    await using pool = await TestPool.start();
    for (const name of ['a', 'b'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);
    const { status, text } = await SocketClient.refused(pool.origin);
    expect({ status, text }).toMatchObject({
      status: 400,
      text: expect.stringContaining('no_account_available'),
    });
    expect(pool.fakeUpstream.handshakes()).toEqual([]);
  });

  it.each([426, 404])(
    'gets 426 when upstream responds %i and so does not accept WebSockets',
    async (said) => {
      await using pool = await TestPool.start({ env: fillFirst });
      pool.fakeUpstream.account('a').sockets.handshakesAlways(refuses(said, { detail: 'made-up' }));
      const { status } = await SocketClient.refused(pool.origin);
      expect(status).toBe(426);
      expect(pool.fakeUpstream.handshakes()).toHaveLength(1);
      expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
    },
  );

  it.each([
    ['a redirect', edgeRedirect()],
    ['a page with 403', edgePage(403)],
  ])('is 503 when the edge refuses every account with %s, and no account is out', async (_case, page) => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'], env: fillFirst });
    for (const name of ['a', 'b', 'c']) pool.fakeUpstream.account(name).sockets.handshakesAlways(page);
    const { status, text } = await SocketClient.refused(pool.origin);
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'upstream_blocked' } });
    expect(pool.fakeUpstream.handshakes().map((it) => it.account)).toEqual(['a', 'b']);
    await expectAllFree(pool);
  });

  it('ends with 1012 when its account leaves the pool meanwhile', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const gate = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').sockets.handshakes(accepts({ after: gate.promise }));
    const connecting = SocketClient.connect(pool.origin);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.handshakes().length > 0, 'the handshake');
    await rm(join(pool.folder, 'pool', 'a.json'));
    await pool.client.post('/admin/reload').expect(200);
    gate.resolve();
    await using client = await connecting;
    expect(await client.closed).toMatchObject({ code: 1012 });
  });

  it('returns the header fields that Codex reads, without credentials', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const a = pool.fakeUpstream.account('a');
    a.usage({ usedPercent: 30, windowSeconds: 18_000 });
    a.sockets.handshakesAlways(accepts({ headers: { 'x-reasoning-included': 'true', 'set-cookie': 's=1' } }));
    await using client = await SocketClient.connect(pool.origin, { headers: { cookie: 'of=client' } });
    await serves(client);
    expect(client.headers).toMatchObject({
      'x-models-etag': pool.fakeUpstream.models.etag,
      'openai-model': 'gpt-5.5',
      'x-reasoning-included': 'true',
      'x-codex-primary-used-percent': '30',
      'x-codex-pool-account': 'a',
    });
    const [sent] = pool.fakeUpstream.handshakes();
    expect(sent?.headers).toMatchObject({
      'openai-beta': 'responses_websockets=2026-02-06',
      'session-id': client.session,
      'chatgpt-account-id': a.accountId,
      originator: 'codex_exec',
    });
    expect(JSON.stringify(sent?.rawHeaders)).not.toMatch(
      /made-up-token-of-the-client|made-up-id-of-the-client/,
    );
    const seen = JSON.stringify([client.headers, client.messages.map((it) => it.bytes.toString())]);
    for (const secret of a.secrets()) expect(seen + pool.logger.lines.join('\n')).not.toContain(secret);
  });
});
