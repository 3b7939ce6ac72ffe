import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { custom, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { completed, created, delta, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { forwarded, metric } from '../../support/clients/forwarded-requests.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, type RawResponse, turnWith } from '../../support/clients/raw-http.js';

const MiB = 1_024 * 1_024;
const plain = Buffer.from(JSON.stringify(aTurn({ made_up: { b: 1, a: [1.0, 'ü', null] } })));
const UNREPLAYABLE = 'codex_pool_unreplayable_requests_total';

function bigBody(bytes: number): Buffer {
  return Buffer.from(JSON.stringify(aTurn({ input: randomBytes(bytes / 2).toString('hex') })));
}

/** Compares without printing megabytes when it fails. */
function expectSameBytes(actual: Buffer | undefined, expected: Buffer): void {
  expect(actual?.length).toBe(expected.length);
  expect(actual?.equals(expected)).toBe(true);
}

async function recordOf(pool: TestPool, response: RawResponse): Promise<unknown> {
  const id = String(response.headers['x-codex-pool-request']);
  return (await pool.client.get(`/admin/requests/${id}`).expect(200)).body;
}

describe('request bodies', () => {
  it.each([
    ['plain with unknown fields and odd spacing', Buffer.concat([Buffer.from(' \n'), plain]), {}],
    ['gzip', gzipSync(plain), { 'content-encoding': 'gzip' }],
    ['zstd', zstdCompressSync(plain), { 'content-encoding': 'zstd' }],
    ['br', brotliCompressSync(plain), { 'content-encoding': 'br' }],
    ['damaged zstd', Buffer.from('no zstd at all'), { 'content-encoding': 'zstd' }],
    ['broken JSON', Buffer.from('{"model":"gpt-5.5","input":['), {}],
    ['bytes that are not text', Buffer.from([0, 255, 254, 10, 13, 0]), {}],
    ['empty', Buffer.alloc(0), {}],
    ['3 MB', bigBody(3 * MiB), {}],
  ])('pass byte for byte: %s', async (_what, body, headers) => {
    await using pool = await TestPool.start();
    expect((await call(pool.origin, turnWith(body, headers))).status).toBe(200);
    const [turn] = pool.fakeUpstream.turns();
    expectSameBytes(turn?.body, body);
    expect(turn?.headers).toMatchObject({ ...headers, 'content-length': String(body.length) });
    expect(turn?.headers['transfer-encoding']).toBe(undefined);
  });

  it.each(['content-length', 'chunked'])(
    'of 40 MB stream through unbroken, sent with %s',
    async (framing) => {
      await using pool = await TestPool.start();
      const before = metric((await pool.client.get('/metrics')).text, UNREPLAYABLE);
      const body = bigBody(40 * MiB);
      const response = await call(
        pool.origin,
        turnWith(body, framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {}),
      );
      expect(response.status).toBe(200);
      expectSameBytes(pool.fakeUpstream.turns()[0]?.body, body);
      expect(await recordOf(pool, response)).toMatchObject({ isReplayable: false, result: 'complete' });
      expect(metric((await pool.client.get('/metrics')).text, UNREPLAYABLE)).toBe(before + 1);
      expect(
        pool.logger.lines.filter((it) => it.includes(String(response.headers['x-codex-pool-request']))),
      ).not.toEqual([]);
    },
  );

  it('of 40 MB are sent once, whatever the response', async () => {
    await using pool = await TestPool.start();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(refuses(500, { error: 'made up' }));
    const response = await call(pool.origin, turnWith(bigBody(40 * MiB)));
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(pool.fakeUpstream.attempts()).toHaveLength(1);
    expect(await recordOf(pool, response)).toMatchObject({ isReplayable: false });
  });

  it('that arrive chunked are sent on with their length', async () => {
    await using pool = await TestPool.start();
    await call(pool.origin, turnWith(plain, { 'transfer-encoding': 'chunked' }));
    const [turn] = pool.fakeUpstream.turns();
    expectSameBytes(turn?.body, plain);
    expect(turn?.headers).toMatchObject({ 'content-length': String(plain.length) });
    expect(turn?.headers).not.toHaveProperty('transfer-encoding');
  });
});

describe('responses', () => {
  const events = [created(), delta('hel'), delta('lo'), { type: 'made.up', x: 1 }, completed()];
  const lf = events.map((it) => framed(it)).join('');
  const crlf = events.map((it) => framed(it, '\r\n')).join('');
  it.each([
    ['LF', lf],
    ['CRLF', crlf],
    ['comments, ids and retry lines', `: hello\n\nid: 7\nretry: 10\n${lf}:\n\n: bye\n\n`],
    [
      'data over several lines, no event lines',
      'data: {"type":\ndata: "response.output_text.delta"}\n\ndata: [DONE]\n\n',
    ],
    ['no newline at the end', lf.trimEnd()],
    ['a byte order mark and no space after the colon', `\uFEFFevent:x\ndata:{}\n\n${lf}`],
    ['one event of 8 MiB', framed(delta('x'.repeat(8 * MiB))) + lf],
  ])('stream byte for byte: %s', async (_what, text) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const bytes = Buffer.from(text);
    pool.fakeUpstream.account('a').answers(raw(bytes));
    const response = await call(pool.origin, turnWith(plain));
    expect(response).toMatchObject({ status: 200, isBroken: false });
    expectSameBytes(response.body, bytes);
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
  });

  it('stream byte for byte, however they are split', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const pieces = [...Buffer.from(crlf)].map((byte) => Buffer.from([byte]));
    pool.fakeUpstream.account('a').answers(raw(pieces));
    expect((await call(pool.origin, turnWith(plain))).body.toString()).toBe(crlf);
    expect(await pool.account('a')).toMatchObject({ totals: { input: 100, output: 12, turns: 1 } });
  });

  it('that are compressed unasked pass unchanged', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const bytes = gzipSync(lf);
    pool.fakeUpstream.account('a').answers(raw(bytes, { 'content-encoding': 'gzip' }));
    const response = await call(pool.origin, turnWith(plain, { 'accept-encoding': 'gzip, br' }));
    expectSameBytes(response.body, bytes);
    expect(response.headers['content-encoding']).toBe('gzip');
    expect(pool.fakeUpstream.turns()[0]?.headers).not.toHaveProperty('accept-encoding');
  });

  it('that reject the client’s request pass unchanged after one attempt', async () => {
    await using pool = await TestPool.start();
    const body = Buffer.from('{"error": {"message":"no\\u0020such thing",  "x": 1.0}}\n');
    for (const name of ['a', 'b']) {
      pool.fakeUpstream
        .account(name)
        .always(custom((_req, res) => void res.writeHead(422, 'Odd', { 'x-odd': '1' }).end(body)));
    }
    const response = await call(pool.origin, turnWith(plain));
    expect(response).toMatchObject({ status: 422, headers: { 'x-odd': '1' } });
    expectSameBytes(response.body, body);
    expect(pool.fakeUpstream.attempts()).toHaveLength(1);
  });
});

describe('paths', () => {
  it('keep their query and its encoding', async () => {
    await using pool = await TestPool.start();
    const asked = { method: 'POST', path: '/v1/alpha/search?q=a%20b&x=1&x=%2F', body: '{}' };
    await call(pool.origin, { ...asked, headers: { 'accept-encoding': 'gzip, br' } });
    const [request] = forwarded(pool.fakeUpstream);
    expect(request?.path).toBe('/backend-api/codex/alpha/search?q=a%20b&x=1&x=%2F');
    // Requests that are not turns are not inspected, so they may be compressed.
    expect(request?.headers['accept-encoding']).toBe('gzip, br');
  });
});
