import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { head, packet, post, statusesIn } from '../../support/clients/request-bytes.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { TestPool } from '../../support/pool/pool.js';

const bodyOf = (text: string): unknown => JSON.parse(text.slice(text.lastIndexOf('\r\n\r\n') + 4));
const fields = (more: string): string => `host: 127.0.0.1\r\n${more}\r\n`;
const get = (line: string, more = ''): string => `${line}\r\n${fields(more)}`;
const body = (more: string, bytes: string): string => `${get('POST /v1/responses HTTP/1.1', more)}${bytes}`;
const chunked = (bytes: string): string => body('transfer-encoding: chunked\r\n', bytes);
const hello = Buffer.from('1603010200010001fc0303', 'hex').toString('latin1');

const malformed: readonly (readonly [string, string])[] = [
  ['spaces before the method', get('  GET /healthz HTTP/1.1')],
  ['NUL bytes', '\0\0\0\0'],
  ['a SOCKS greeting', '\x05\x01\x00'],
  ['a NUL in the path', get('GET /\0 HTTP/1.1')],
  ['a path that is not ASCII', get('GET /\xe9 HTTP/1.1')],
  ['a space in the path', get('GET /a b HTTP/1.1')],
  ['a space before a colon', get('GET /healthz HTTP/1.1', 'a : b\r\n')],
  ['a field without a name', get('GET /healthz HTTP/1.1', ': b\r\n')],
  ['a NUL in a field', get('GET /healthz HTTP/1.1', 'a: b\0c\r\n')],
  ['a carriage return in a field', get('GET /healthz HTTP/1.1', 'a: b\rc\r\n')],
  ['a folded field', get('GET /healthz HTTP/1.1', 'a: b\r\n c\r\n')],
  ['a folded first field', 'GET /healthz HTTP/1.1\r\n a: b\r\n\r\n'],
  ['line feeds alone', 'GET /healthz HTTP/1.1\nhost: 127.0.0.1\n\n'],
  ['carriage returns alone', 'GET /healthz HTTP/1.1\rhost: 127.0.0.1\r\r'],
  ['two lengths', body('content-length: 2\r\ncontent-length: 2\r\n', 'ab')],
  ['a list of lengths', body('content-length: 2, 2\r\n', 'ab')],
  ['a negative length', body('content-length: -2\r\n', 'ab')],
  ['a length beyond 64 bits', body('content-length: 99999999999999999999999\r\n', 'ab')],
  ['a length and a coding', body('content-length: 5\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n')],
  ['a coding and a length', body('transfer-encoding: chunked\r\ncontent-length: 5\r\n', '0\r\n\r\n')],
  ['a coding after chunked', body('transfer-encoding: chunked, gzip\r\n', '0\r\n\r\n')],
  ['a negative chunk size', chunked('-1\r\n')],
  ['an empty chunk size', chunked('\r\n')],
  ['a chunk size beyond 64 bits', chunked('fffffffffffffffff\r\n')],
  ['a chunk longer than its size', chunked('2\r\nabX\r\n0\r\n\r\n')],
  ['a chunk with line feeds alone', chunked('2\nab\n0\n\n')],
];

const others: readonly (readonly [string, string, number, string])[] = [
  ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'http_version_not_supported'],
  ['HTTP/2.0 in the request line', get('GET /v1/models HTTP/2.0'), 505, 'http_version_not_supported'],
  ['HTTP/3.0 in the request line', get('GET /healthz HTTP/3.0'), 505, 'http_version_not_supported'],
  ['HTTP/1.2 in the request line', get('GET /healthz HTTP/1.2'), 505, 'http_version_not_supported'],
  ['HTTP/0.9', 'GET /healthz\r\n\r\n', 505, 'http_version_not_supported'],
  ['an unknown coding', body('transfer-encoding: gzip\r\n', ''), 501, 'transfer_coding_not_supported'],
  ['TLS', hello, 400, 'tls_on_plain_port'],
  ['a lower-case method', get('get /healthz HTTP/1.1'), 405, 'method_not_allowed'],
  ['an unknown method', get('FOO /healthz HTTP/1.1'), 405, 'method_not_allowed'],
  [
    'a coding before chunked',
    body('transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    501,
    'transfer_coding_not_supported',
  ],
  [
    'extensions of a chunk beyond their bound',
    chunked(`2;${'x'.repeat(20_000)}\r\nab\r\n0\r\n\r\n`),
    413,
    'chunk_extensions_too_large',
  ],
  ['trailers over 64 KiB', chunked(`0\r\na: ${'x'.repeat(70_000)}\r\n\r\n`), 431, 'headers_too_large'],
  ['a path over 64 KiB', get(`GET /${'x'.repeat(70_000)} HTTP/1.1`), 431, 'headers_too_large'],
];

describe('a request that the parser refuses', () => {
  it('gets its status, in JSON, and its connection is closed', { timeout: 30_000 }, async () => {
    await using pool = await TestPool.start();
    const cases = [
      ...malformed.map(([name, bytes]) => [name, bytes, 400, 'malformed_request'] as const),
      ...others,
    ];
    for (const [name, bytes, status, code] of cases) {
      using client = new RawSocket(pool.origin);
      await client.write(Buffer.from(bytes, 'latin1'));
      const text = await client.whole();
      const isJson = /^content-type: application\/json/im.test(text);
      const isClosed = /^connection: close\r$/im.test(text);
      const seen = { name, statuses: statusesIn(text), isJson, isClosed, body: bodyOf(text) };
      const error = { type: 'invalid_request', code };
      expect(seen).toMatchObject({ name, statuses: [status], isJson: true, isClosed: true, body: { error } });
    }
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
    await pool.turn().expect(200);
  });

  it.each(malformed.slice(0, 8).concat(malformed.slice(-4)))(
    'leaves the responses before it whole: %s',
    async (_name, bytes) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      using client = new RawSocket(pool.origin);
      await client.write(Buffer.from(packet(post(), head('GET /healthz'), post(), bytes), 'latin1'));
      const text = await client.whole();
      expect(statusesIn(text)).toEqual([200, 200, 200, 400]);
      expect(text.match(/"type":"response.completed"/g)).toHaveLength(2);
      expect(bodyOf(text)).toMatchObject({ error: { code: 'malformed_request' } });
    },
  );

  it('gets a sentence about http:// for TLS, which any client shows to a person', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(Buffer.from(hello, 'latin1'));
    expect(await client.whole()).toContain('http://, not https://');
  });

  it('does not count empty lines before the request line (RFC 9112 2.2)', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(`\r\n\r\n${head('GET /healthz', { connection: 'close' })}`);
    expect(statusesIn(await client.whole())).toEqual([200]);
  });
});

describe('a client that closes its side', () => {
  it.each([
    ['in the request line', 'GET /heal'],
    ['in a field', 'GET /healthz HTTP/1.1\r\nhost: 127'],
    ['before the empty line', 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n'],
    ['in a body', body('content-length: 5\r\n', 'ab')],
    ['in a chunk size', chunked('2')],
    ['in a chunk', chunked('5\r\nab')],
    ['before the last chunk', chunked('2\r\nab\r\n')],
  ])('%s gets 400 in JSON', async (_where, bytes) => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(bytes);
    client.halfClose();
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([400]);
    expect(bodyOf(text)).toMatchObject({ error: { code: 'incomplete_request' } });
  });

  it.each([
    ['after a broken request', 'nonsense\r\n\r\n'],
    ['in the middle of another request', 'GET /heal'],
    ['between two requests', ''],
  ])('%s has left: the turn before it ends within a second', async (_where, bytes) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), bytes));
    upstream.send(created(), delta('x'));
    await client.until('"delta":"x"');
    client.halfClose();
    await expect.poll(() => pool.fakeUpstream.inFlight(), { timeout: 1_000 }).toBe(0);
    expect((await pool.account('a')).inFlight).toBe(0);
    upstream.send(completed());
    upstream.end();
  });
});
