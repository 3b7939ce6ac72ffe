import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { custom, refuses } from '../../../src/fake-upstream/script/responses.js';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { DAY, FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectQuiet,
  forgiven,
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
} from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

const MiB = 1_024 * 1_024;
const asJson = { 'content-type': 'application/json' };

// One pool for all tests, without quota windows; the evidence against its accounts is reset after each.
const clock = new FakeClock(Math.ceil(Date.now() / SECOND) * SECOND);
const now = clock.now() / SECOND;
const date = (inMs: number): string => new Date(clock.now() + inMs).toUTCString();
let pool: TestPool;
beforeAll(async () => {
  const noWindows = ['a', 'b'];
  pool = await startRanked({
    clock,
    prepare: (it) => void noWindows.map((name) => it.account(name).usage(null, null)),
  });
});
afterEach(async () => {
  await forgiven(pool);
  await isServedBy(pool, 'a');
  await expectQuiet(pool);
});
afterAll(async () => pool[Symbol.asyncDispose]());

describe('a usage limit whose end', () => {
  it.each<[string, string, number]>([
    ['is in the past', `"resets_at":${now - 3_600}`, 5 * MINUTE],
    ['is now', `"resets_at":${now}`, 5 * MINUTE],
    ['is zero', '"resets_at":0', 5 * MINUTE],
    ['is negative', '"resets_at":-5', 5 * MINUTE],
    ['is in the year 2446', '"resets_at":15021504000', 31 * DAY],
    ['is given in ms', `"resets_at":${(now + 3_600) * SECOND}`, 31 * DAY],
    ['is too large for a number', '"resets_at":1e999', 5 * MINUTE],
    ['is a float', `"resets_at":${now + 3_600}.5`, HOUR + 500],
    ['is text', `"resets_at":"${now + 3_600}"`, HOUR],
    ['is a float as text', `"resets_at":"${now + 3_600}.25"`, HOUR + 250],
    ['is negative text', '"resets_at":"-5"', 5 * MINUTE],
    ['is NaN as text', '"resets_at":"NaN"', 5 * MINUTE],
    ['is empty text', '"resets_at":""', 5 * MINUTE],
    ['is a date as text', '"resets_at":"2446-01-01T00:00:00Z"', 5 * MINUTE],
    ['is null', '"resets_at":null', 5 * MINUTE],
    ['is true', '"resets_at":true', 5 * MINUTE],
    ['is a list', `"resets_at":[${now + 3_600}]`, 5 * MINUTE],
    [
      'is in the past, and also given in seconds from now',
      `"resets_at":1,"resets_in_seconds":90`,
      90 * SECOND,
    ],
    ['is given in seconds from now, as a float', '"resets_in_seconds":1.5', 1.5 * SECOND],
    ['is given in seconds from now, as text', '"resets_in_seconds":"90"', 90 * SECOND],
    ['is in a negative number of seconds', '"resets_in_seconds":-90', 5 * MINUTE],
    ['is in zero seconds', '"resets_in_seconds":0', 5 * MINUTE],
    ['is in an absurd number of seconds', '"resets_in_seconds":1e300', 31 * DAY],
  ])('%s fails over and takes the account out for a sensible time', async (_what, end, pauseMs) => {
    const text = `{"error":{"type":"usage_limit_reached","message":"no",${end}}}`;
    expect(await movesToB(pool, [refuses(429, text, asJson)])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + pauseMs));
  });

  it.each([`${now + 3_600}.5`, `"${now + 3_600}"`])(
    'is %s reaches the client in whole seconds',
    async (resetsAt) => {
      const text = `{"error":{"type":"usage_limit_reached","message":"no","resets_at":${resetsAt}}}`;
      for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(refuses(429, text, asJson));
      const response = await send(pool);
      expect(response.status).toBe(429);
      const { error } = JSON.parse(response.body.toString());
      expect(error.resets_at).toBe(now + Math.ceil(Number(resetsAt.replaceAll('"', '')) - now));
      expect(Number.isInteger(error.resets_in_seconds)).toBe(true);
    },
  );
});

describe('a 429 whose Retry-After', () => {
  it.each<[string, string, number]>([
    ['is a date', date(90 * SECOND), 90 * SECOND],
    ['is a date in the year 2446', 'Sat, 01 Jan 2446 00:00:00 GMT', 31 * DAY],
    ['is a fraction', '1.5', 1.5 * SECOND],
    ['has spaces around it', ' 7 ', 7 * SECOND],
    ['is junk', 'soon', 2 * SECOND],
    ['is an invalid date', 'Sat, 99 Foo 2026', 2 * SECOND],
    ['is empty', '', 2 * SECOND],
    ['is negative', '-5', 2 * SECOND],
    ['is hexadecimal', '0x10', 2 * SECOND],
    ['is a list', '5, 7', 2 * SECOND],
    ['is NaN', 'NaN', 2 * SECOND],
    ['is huge', '99999999999999999999999999', 31 * DAY],
  ])('%s fails over and takes the account out for a sensible time', async (_what, value, pauseMs) => {
    expect(await movesToB(pool, [rateLimit(value)])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + pauseMs));
  });

  it.each([
    ['is zero', '0'],
    ['is a date in the past', date(-HOUR)],
  ])('%s fails over, and the account is out for a second', async (_what, value) => {
    expect(await movesToB(pool, [rateLimit(value)])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + SECOND));
  });
});

const limit = JSON.stringify({
  error: { type: 'usage_limit_reached', message: 'no', resets_in_seconds: 60 },
});
const spent = () => out('quota-exhausted', clock.now() + MINUTE);
const rests = () => out('rate-limited', clock.now() + 2 * SECOND);

/** Sends exactly these bytes, then closes the connection or leaves it open. */
const onTheWire = (text: string, thenClosed: boolean): ScriptedResponse =>
  custom((req) => void (thenClosed ? req.socket.end(text) : req.socket.write(text)));
const head = (status: number, length: number): string =>
  `HTTP/1.1 ${status} Odd\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

describe('a refusal whose body', () => {
  const zip = (encoding: string) => ({ ...asJson, 'content-encoding': encoding });
  it.each<[string, ScriptedResponse, () => ReturnType<typeof out>]>([
    ['is gzip', refuses(429, gzipSync(limit), zip('gzip')), spent],
    ['is br', refuses(429, brotliCompressSync(limit), zip('br')), spent],
    ['is zstd', refuses(429, zstdCompressSync(limit), zip('zstd')), spent],
    ['is JSON of another type', refuses(429, limit, { 'content-type': 'text/html' }), spent],
    [
      'comes byte by byte',
      custom(async (_req, res) => {
        res.writeHead(429, asJson);
        for (const byte of limit) await new Promise((sent) => res.write(byte, sent));
        res.end();
      }),
      spent,
    ],
    ['is text', refuses(429, 'no', { 'content-type': 'text/plain' }), rests],
    ['is empty', refuses(429, '', asJson), rests],
    ['is 10 MB', refuses(429, `{"x":"${'y'.repeat(10 * MiB)}"}`, asJson), rests],
    ['is not encoded as declared', refuses(429, limit, zip('gzip')), rests],
    ['is damaged gzip', refuses(429, gzipSync(limit).subarray(0, 20), zip('gzip')), rests],
    ['has an unknown encoding', refuses(429, limit, zip('rot13')), rests],
    ['is a list', refuses(429, '[1]', asJson), rests],
    ['is null', refuses(429, 'null', asJson), rests],
    ['is not text', refuses(429, Buffer.from([0, 255, 254]), asJson), rests],
    ['is cut in the middle', onTheWire(head(429, 500) + limit.slice(0, 20), true), rests],
    ['is longer than declared', onTheWire(head(429, 5) + limit, false), rests],
  ])('%s fails over with the outcome that its status implies', async (_what, refusal, expected) => {
    expect(await movesToB(pool, [refusal])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(expected());
  });

  it.each<[string, Buffer, Record<string, string>]>([
    ['10 MB', Buffer.from(`{"detail":"${'y'.repeat(10 * MiB)}"}`), asJson],
    ['gzip', gzipSync(limit), zip('gzip')],
    ['br', brotliCompressSync(limit), zip('br')],
    ['zstd', zstdCompressSync(limit), zip('zstd')],
    ['damaged gzip', gzipSync(limit).subarray(0, 20), zip('gzip')],
    ['text', Buffer.from('no'), { 'content-type': 'text/plain' }],
    ['empty', Buffer.alloc(0), asJson],
  ])('reports a client error is passed on unchanged: %s', async (_what, body, headers) => {
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('a').answers(refuses(422, body, headers));
    const response = await send(pool);
    expect(response).toMatchObject({ status: 422, isBroken: false, headers });
    expect(response.body.equals(body)).toBe(true);
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('is longer than declared ends for the client at the declared length', async () => {
    pool.fakeUpstream.account('a').answers(onTheWire(`${head(422, 2)}{}HTTP/1.1 200 OK\r\n\r\n`, false));
    const response = await send(pool);
    expect(response).toMatchObject({ status: 422, isBroken: false });
    expect(response.body.toString()).toBe('{}');
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('reports a client error and breaks off never looks complete', async () => {
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('a').answers(onTheWire(head(422, 500) + limit.slice(0, 20), true));
    const response = await send(pool);
    expect(response).toMatchObject({ status: 422, isBroken: true });
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});
