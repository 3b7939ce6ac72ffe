import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { raw } from '../../../src/fake-upstream/script/responses.js';
import {
  completed,
  created,
  delta,
  failed,
  framed,
  messageDone,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { forgiven, free, movesToB, out, standing, startRanked } from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

// The backend sends turns without a content type; these cases must hold for any label.
const labels: [string, Record<string, string>][] = [
  ['no label', {}],
  ['an empty label', { 'content-type': '' }],
  ['text/plain', { 'content-type': 'text/plain; charset=utf-8' }],
  ['application/octet-stream', { 'content-type': 'application/octet-stream' }],
  ['text/event-stream', { 'content-type': 'text/event-stream; charset=utf-8' }],
];

const shapes: [string, (events: string) => string][] = [
  ['line feeds', (events) => events],
  ['carriage returns and line feeds', (events) => events.replaceAll('\n', '\r\n')],
  ['lone carriage returns', (events) => events.replaceAll('\n', '\r')],
  ['a byte order mark', (events) => `\uFEFF${events}`],
  ['a comment first', (events) => `: hello\n\n${events}`],
  ['blank lines first', (events) => `\n\r\n\n${events}`],
  ['a byte order mark, then data lines alone', (events) => `\uFEFF${events.replaceAll(/^event:.*\n/gm, '')}`],
  ['data lines alone', (events) => events.replaceAll(/^event:.*\n/gm, '')],
];

const pieces: [string, (bytes: Buffer) => Buffer[]][] = [
  ['in one piece', (bytes) => [bytes]],
  ['byte by byte', (bytes) => Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1))],
];

const table = labels.flatMap(([label, headers]) =>
  shapes.flatMap(([shape, shaped]) =>
    pieces.map(([way, cut]) => ({
      title: `${label}, ${shape}, ${way}`,
      headers,
      bodyOf: (events: readonly TurnEvent[]) =>
        cut(Buffer.from(shaped(events.map((it) => framed(it)).join('')))),
    })),
  ),
);

const empty = (headers: Record<string, string>) => raw(Buffer.alloc(0), headers);

const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
});
afterEach(async () => forgiven(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

/** Tests a label that is absent or empty; any other label is passed on unchanged. */
const labelFor = (headers: Record<string, string>) => headers['content-type'] || 'text/event-stream';

describe('an event stream with', () => {
  const limit = failed('usage_limit_reached', 'no', { resets_in_seconds: 3_600 });

  it.each(table)('$title: a limit in its first events fails over unnoticed', async ({ headers, bodyOf }) => {
    const asked = await movesToB(pool, [raw(bodyOf([created(), limit]), headers)]);
    expect(asked).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + HOUR));
  });

  it.each(table)('$title: a turn passes byte for byte, and its tokens count', async ({ headers, bodyOf }) => {
    const usage = { input: 100, cached: 40, output: 12, reasoning: 3 };
    const body = bodyOf([created(), delta('hello'), messageDone('hello'), completed(usage)]);
    const before = await pool.account('a');
    pool.fakeUpstream.account('a').answers(raw(body, headers));
    const got = await send(pool);
    expect(got).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'content-type': labelFor(headers), 'x-codex-pool-account': 'a' },
    });
    expect(got.body.equals(Buffer.concat(body))).toBe(true);
    const { totals } = await pool.account('a');
    expect(totals).toMatchObject({
      input: before.totals.input + 100,
      output: before.totals.output + 12,
      turns: before.totals.turns + 1,
    });
  });

  it.each(['', 'identity', 'Identity'])('the content encoding %j can be read', async (encoding) => {
    const body = Buffer.from([created(), limit].map((it) => framed(it)).join(''));
    const asked = await movesToB(pool, [raw(body, { 'content-encoding': encoding })]);
    expect(asked).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + HOUR));
  });

  it.each(labels)('%s that is cut in its prelude is retried', async (_label, headers) => {
    const before = pool.fakeUpstream.attempts().length;
    const prelude = { ...raw(Buffer.from(framed(created())), headers), ending: 'cut' } as const;
    pool.fakeUpstream.account('a').answers(prelude, prelude);
    const got = await send(pool);
    expect(got).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'b' } });
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a', 'a', 'b']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('a response that is not an event stream, with', () => {
  const bodies: [string, string][] = [
    ['JSON', '{"id":"resp_1","output":[],"data: ":"x"}'],
    ['JSON after blank lines', '\n\n{"error":{"code":"usage_limit_reached"}}'],
    ['a page', '<!doctype html>\n<p>data: event: </p>'],
    ['words', 'database: closed'],
  ];
  const unlabelled = labels.filter(([label]) => label !== 'text/event-stream');

  it.each(
    unlabelled.flatMap(([label, headers]) =>
      bodies.flatMap(([name, body]) =>
        pieces.map(([way, cut]) => ({ title: `${label}, ${name}, ${way}`, headers, body, cut })),
      ),
    ),
  )('$title is passed on unchanged', async ({ headers, body, cut }) => {
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('a').answers(raw(cut(Buffer.from(body)), headers));
    const got = await send(pool);
    expect(got).toMatchObject({ status: 200, isBroken: false, headers: { 'x-codex-pool-account': 'a' } });
    expect(got.headers['content-type'] ?? '').toBe(headers['content-type'] ?? '');
    expect(got.body.toString()).toBe(body);
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('blank lines beyond any prelude is passed on unchanged', async () => {
    const body = Buffer.from('\n'.repeat(8_192));
    pool.fakeUpstream.account('a').answers(raw(body));
    const got = await send(pool);
    expect(got).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'a' } });
    expect(got.body.equals(body)).toBe(true);
  });
});

describe('an empty response', () => {
  it.each(labels.filter(([, headers]) => labelFor(headers).startsWith('text/event-stream')))(
    'with %s is not a turn: another account serves',
    async (_label, headers) => {
      const asked = await movesToB(pool, [empty(headers), empty(headers)]);
      expect(asked).toEqual(['a', 'a', 'b']);
      expect(await standing(pool, 'a')).toEqual(free);
    },
  );

  it.each(labels.filter(([, headers]) => !labelFor(headers).startsWith('text/event-stream')))(
    'with %s is passed on unchanged',
    async (_label, headers) => {
      pool.fakeUpstream.account('a').answers(empty(headers));
      const got = await send(pool);
      expect(got).toMatchObject({ status: 200, headers: { ...headers, 'x-codex-pool-account': 'a' } });
      expect(got.body).toHaveLength(0);
    },
  );
});
