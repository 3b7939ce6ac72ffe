import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { head, packet, post, statusesIn, upgrade } from '../../support/clients/request-bytes.js';
import { TestPool } from '../../support/pool/pool.js';
import { RawSocket } from '../../support/clients/raw-socket.js';

async function responseTo(pool: TestPool, bytes: string): Promise<string> {
  using client = new RawSocket(pool.origin);
  await client.write(bytes);
  return await client.whole();
}

const bodyOf = (text: string): unknown => JSON.parse(text.slice(text.lastIndexOf('\r\n\r\n') + 4));

describe('bytes that are not a request', () => {
  it.each([
    ['an invalid request line', 'nonsense\r\n\r\n', 400, 'malformed_request'],
    [
      'an invalid header field',
      'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nno colon\r\n\r\n',
      400,
      'malformed_request',
    ],
    [
      'a head that is too large',
      head('GET /healthz', { 'x-large': 'x'.repeat(200 * 1_024) }),
      431,
      'headers_too_large',
    ],
    [
      'a body with a broken chunk',
      `${head('POST /v1/responses', { 'transfer-encoding': 'chunked' })}zz\r\n`,
      400,
      'malformed_request',
    ],
  ])('get an error in JSON: %s', async (_which, bytes, status, code) => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, bytes);
    expect(statusesIn(text)).toEqual([status]);
    expect(text).toMatch(/^content-type: application\/json/im);
    expect(bodyOf(text)).toMatchObject({ error: { type: 'invalid_request', code } });
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
  });

  it('get their error after the complete response to the turn before them', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), 'nonsense\r\n\r\n'));
    upstream.send(created(), delta('x'));
    await client.until('"delta":"x"');
    await client.write('more nonsense\r\n\r\n');
    upstream.send(completed());
    upstream.end();
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([200, 400]);
    expect(text).toContain('response.completed');
  });
});

const bare = (line: string, fields = '') => `${line}\r\n${fields}\r\n`;

describe('a request without a host', () => {
  it.each([
    ['GET /healthz HTTP/1.0', '"status":'],
    ['GET /readyz HTTP/1.0', '"ready":true'],
    ['GET /readyz?verbose HTTP/1.0', '"ready":true'],
  ])('is served as a health check: %s', async (line, part) => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, bare(line));
    expect(statusesIn(text)).toEqual([200]);
    expect(text).toContain(part);
    expect(text).toMatch(/^content-type: application\/json/im);
  });

  it('gets 503 from the health check of a pool that cannot serve', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const text = await responseTo(pool, bare('GET /readyz HTTP/1.0'));
    expect(statusesIn(text)).toEqual([503]);
    expect(text).toContain('"ready":false');
  });

  it('gets the head alone from HEAD', async () => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, bare('HEAD /healthz HTTP/1.0'));
    expect(statusesIn(text)).toEqual([200]);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  it.each([
    ['GET / HTTP/1.0', 403, 'forbidden_host'],
    ['GET /metrics HTTP/1.0', 403, 'forbidden_host'],
    ['GET /admin/accounts HTTP/1.0', 403, 'forbidden_host'],
    ['GET /v1/models HTTP/1.0', 403, 'forbidden_host'],
    ['POST /admin/reload HTTP/1.0', 403, 'forbidden_host'],
    ['GET /healthz HTTP/1.1', 400, 'missing_host'],
    ['GET /v1/models HTTP/1.1', 400, 'missing_host'],
  ])('is refused in JSON everywhere else: %s', async (line, status, code) => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, bare(line));
    expect(statusesIn(text)).toEqual([status]);
    expect(text).toMatch(/^content-type: application\/json/im);
    expect(bodyOf(text)).toMatchObject({ error: { code } });
  });

  it('is refused when a page sends it', async () => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, bare('GET /healthz HTTP/1.0', 'origin: https://evil.example\r\n'));
    expect(statusesIn(text)).toEqual([403]);
  });
});

describe('a request with an Expect header', () => {
  it('is served even if the expectation is unknown (RFC 9110 10.1.1)', async () => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, head('GET /healthz', { expect: 'made-up', connection: 'close' }));
    expect(statusesIn(text)).toEqual([200]);
  });

  it('passes the same checks: 403 for a foreign host', async () => {
    await using pool = await TestPool.start();
    const fields = { expect: 'made-up', host: 'evil.example' };
    expect(statusesIn(await responseTo(pool, head('GET /healthz', fields)))).toEqual([403]);
  });
});

describe('an upgrade that is not a valid WebSocket', () => {
  it('gets 400 when it has a body', async () => {
    await using pool = await TestPool.start();
    const text = await responseTo(pool, `${upgrade({ 'content-length': '5' })}hello`);
    expect(statusesIn(text)).toEqual([400]);
    expect(bodyOf(text)).toMatchObject({ error: { code: 'bad_websocket_handshake' } });
    expect(pool.fakeUpstream.handshakes()).toHaveLength(0);
  });

  it('is served as HTTP when it offers h2c', async () => {
    await using pool = await TestPool.start();
    const fields = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
    };
    using client = new RawSocket(pool.origin);
    await client.write(head('GET /healthz', fields));
    await client.until('"lastErrors"');
    expect(statusesIn(client.text)).toEqual([200]);
  });

  it('does no harm when its client leaves at once', async () => {
    await using pool = await TestPool.start();
    for (let again = 0; again < 20; again += 1) {
      using client = new RawSocket(pool.origin);
      await client.write(packet(head('GET /healthz'), upgrade()));
      client.reset();
    }
    await expect.poll(() => pool.fakeUpstream.sockets.open ?? 0).toBe(0);
    await pool.turn().expect(200);
    expect(pool.logger.lines.filter((it) => it.includes('fault inside'))).toEqual([]);
  });
});
