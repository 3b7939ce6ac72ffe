import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Drain } from '../../../src/runtime/drain.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { custom, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock, HOUR, MINUTE } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectTurnOf,
  free,
  isServedBy,
  movesToB,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { type Received, send } from '../../support/clients/raw-client.js';

const session = { headers: { 'session-id': 's-1' } };
const original = Buffer.from(
  '{"error":{"code":"invalid_encrypted_content",\n "message":"could not be \\u0076erified."} }',
);
const refusal = refuses(400, original, { 'x-of': 'b' });

const user =
  '{"type":"message", "role":"user","content":[{"type":"input_text","text":"hi \\u00e9 é"}],"x":1.50}';
const reasoning = '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"of a, } ] \\" "}';
const compaction = '{"type":"compaction","encrypted_content":"of a, too"}';
const call =
  '{"call_id":"c_1", "type":"function_call","name":"x","arguments":"{\\"type\\":\\"reasoning\\"}"}';
/** Formatted unlike any serializer’s output, so that only untouched bytes compare equal. */
const bodyWith = (...items: string[]): string =>
  `{ "model":"gpt-5.5",\n"stream":true, "input":[${items.join(',')}],"z":1.0,"reasoning":{"effort" : "high"} }\n`;
const whole = bodyWith(user, reasoning, compaction, call, reasoning);
const without = bodyWith(user, compaction, call);

/** Starts a session on `a` and exhausts `a`: the next turn goes to `b` with content that `a` has encrypted. */
async function startMoving(env: Record<string, string> = {}): Promise<TestPool> {
  const pool = await startRanked({ clock: new FakeClock(), env });
  await isServedBy(pool, 'a', session);
  pool.fakeUpstream.account('a').answers(usageLimit());
  return pool;
}

const bodiesTo = (pool: TestPool): string[] => pool.fakeUpstream.turns().map((it) => it.body.toString());

function expectOriginal(response: Received): void {
  expect(response).toMatchObject({ status: 400, headers: { 'x-of': 'b', 'x-codex-pool-account': 'b' } });
  expect(response.headers).not.toHaveProperty('x-codex-pool-error');
  expect(response.body.toString()).toBe(original.toString());
}

describe('cross-account content', () => {
  it('is retried once without the reasoning after 400 invalid_encrypted_content, all else byte for byte', async () => {
    // The recovery does not count against the budget.
    await using pool = await startMoving({ PROXY_MAX_ATTEMPTS: '2' });
    pool.fakeUpstream.account('b').answers(refusal);
    expectTurnOf('b', await send(pool, { ...session, body: whole }));
    expect(pool.fakeUpstream.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    expect(bodiesTo(pool).slice(1)).toEqual([whole, whole, without]);
    expect(await standing(pool, 'a')).toMatchObject({ reason: 'quota-exhausted' });
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it.each([
    ['gzip', gzipSync, gunzipSync],
    ['zstd', zstdCompressSync, zstdDecompressSync],
  ])('is removed from a %s body as well', async (encoding, compress, inflate) => {
    await using pool = await startMoving();
    pool.fakeUpstream.account('b').answers(refusal);
    const headers = { ...session.headers, 'content-encoding': encoding };
    expectTurnOf('b', await send(pool, { headers, body: compress(whole) }));
    expect(pool.fakeUpstream.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    const [last] = pool.fakeUpstream.turns().slice(-1);
    const isCanonical = last?.headers['content-encoding'] === undefined;
    const sent = last?.body ?? Buffer.alloc(0);
    expect((isCanonical ? sent : inflate(sent)).toString()).toBe(without);
  });

  it('goes unchanged to the former account once that is available again', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a', session);
    await movesToB(pool, [rateLimit()], session);
    clock.advance(MINUTE);
    pool.fakeUpstream.account('b').answers(refusal);
    expectTurnOf('a', await send(pool, { ...session, body: whole }));
    expect(pool.fakeUpstream.attempts().slice(3)).toEqual(['b', 'a']);
    expect(bodiesTo(pool).slice(3)).toEqual([whole, whole]);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await isServedBy(pool, 'a', session); // and stays there
  });

  it('returns the original 400 when upstream refuses the stripped turn, too', async () => {
    await using pool = await startMoving();
    pool.fakeUpstream.account('b').always(refusal);
    expectOriginal(await send(pool, { ...session, body: whole }));
    expect(pool.fakeUpstream.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it.each([
    ['has only a compaction', bodyWith(user, compaction)],
    ['has nothing encrypted', bodyWith(user, call)],
    ['is invalid JSON', whole.slice(0, -3)],
  ])('returns the original 400 at once when the input %s', async (_what, body) => {
    await using pool = await startMoving();
    pool.fakeUpstream.account('b').always(refusal);
    expectOriginal(await send(pool, { ...session, body }));
    expect(pool.fakeUpstream.attempts().slice(1)).toEqual(['a', 'b']);
  });

  it('returns the original 400 in a session that has never moved', async () => {
    await using pool = await startRanked();
    await isServedBy(pool, 'a', session);
    pool.fakeUpstream.account('a').answers(refusal);
    const response = await send(pool, { ...session, body: whole });
    expect(response).toMatchObject({ status: 400, headers: { 'x-codex-pool-account': 'a' } });
    expect(response.body.equals(original)).toBe(true);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

const textOf = (KiB: number) => `{"type":"message","text":"${'\\"x\\u00e9 '.repeat(KiB * 102)}"}`;
const budgetOf = (pool: TestPool) => pool.running.app.get(ReplayBudget, { strict: false });

describe('cross-account content in a body of 15 MiB', () => {
  const items = Array.from({ length: 15 }, () => textOf(950));
  const huge = bodyWith(...items.flatMap((it) => [reasoning, it]), compaction);

  it.each([
    ['plain', (body: string) => Buffer.from(body), {}],
    ['zstd', (body: string) => zstdCompressSync(body), { 'content-encoding': 'zstd' }],
  ])('is removed without a byte more, and no room stays claimed: %s', async (_how, encoded, headers) => {
    expect(huge.length).toBeGreaterThan(13 * 1_024 * 1_024);
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(refusal);
    expectTurnOf('a', await send(pool, { headers, body: encoded(huge) }));
    const sent = pool.fakeUpstream.turns().at(-1)?.body ?? Buffer.alloc(0);
    expect(sent.equals(Buffer.from(bodyWith(...items, compaction)))).toBe(true);
    await expect.poll(() => budgetOf(pool).bytes).toBe(0);
  });

  it('is not removed, and nothing stays claimed, when the client leaves meanwhile', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const leaving = new AbortController();
    pool.fakeUpstream.account('a').answers(
      custom((_req, res) => {
        res.writeHead(400, { 'content-type': 'application/json' }).end(original, () => leaving.abort());
      }),
    );
    await expect(send(pool, { body: huge, signal: leaving.signal })).rejects.toThrow('aborted');
    await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
    expect(budgetOf(pool).bytes).toBe(0);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('cross-account content of unknown origin', () => {
  it.each([
    ['a session that the pool has never served', { headers: { 'session-id': 's-new' } }],
    ['a request without a session', {}],
  ])('is removed for %s', async (_what, sent) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(refusal);
    expectTurnOf('a', await send(pool, { ...sent, body: whole }));
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    expect(bodiesTo(pool)).toEqual([whole, without]);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('a session that began outside the pool', () => {
  it('is stripped on every turn, also after a restart', async () => {
    const first = await startRanked();
    first.fakeUpstream.account('a').answers(refusal, raw(turnOf('a'), { 'x-served-by': 'a' }), refusal);
    const turn = { headers: { 'session-id': 's-new' }, body: whole };
    expectTurnOf('a', await send(first, turn));
    expectTurnOf('a', await send(first, turn));
    await using pool = await first.restart();
    pool.fakeUpstream.account('a').answers(refusal);
    expectTurnOf('a', await send(pool, turn));
    expect(bodiesTo(pool)).toEqual([whole, without, whole, without, whole, without]);
  });
});

describe('a session that has moved without its reasoning', () => {
  const ownReasoning = '{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"of b"}';

  it('stays on its new account and loses only the old reasoning, although its former account is available', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a', session);
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsInSeconds: 3_600 }));
    pool.fakeUpstream.account('b').answers(refusal);
    expectTurnOf('b', await send(pool, { ...session, body: whole }));
    clock.advance(2 * HOUR);
    expect(await standing(pool, 'a')).toEqual(free);
    const before = pool.fakeUpstream.attempts().length;
    for (const _turn of [1, 2]) {
      pool.fakeUpstream.account('b').answers(refusal);
      const body = bodyWith(user, reasoning, call, ownReasoning);
      expectTurnOf('b', await send(pool, { ...session, body }));
      expect(bodiesTo(pool).slice(-2)).toEqual([body, bodyWith(user, call, ownReasoning)]);
    }
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['b', 'b', 'b', 'b']);
  });
});

it('a turn does not go back to a former account that may not use its model', async () => {
  await using pool = await startRanked({ accounts: ['a', 'b', 'c'], clock: new FakeClock() });
  await isServedBy(pool, 'a', session);
  const body = whole.replace('gpt-5.5', 'gpt-9');
  pool.fakeUpstream.account('a').answers(refuses(400, { error: { code: 'model_not_supported' } }));
  await isServedBy(pool, 'b', { ...session, body });
  pool.fakeUpstream.account('b').answers(refusal);
  await isServedBy(pool, 'b', { ...session, body });
  expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b', 'b', 'b']);
});

describe('a failing recovery', () => {
  const fault = refuses(500, { error: { message: 'oops', type: 'server_error' } });

  it('falls back to stripping the reasoning when the former account has spent the budget', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, env: { PROXY_MAX_ATTEMPTS: '2' } });
    await isServedBy(pool, 'a', session);
    await movesToB(pool, [rateLimit()], session);
    clock.advance(MINUTE);
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('b').answers(refusal);
    pool.fakeUpstream.account('a').answers(fault, fault);
    expectTurnOf('b', await send(pool, { ...session, body: whole }));
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['b', 'a', 'a', 'b']);
    expect(bodiesTo(pool).slice(before)).toEqual([whole, whole, whole, without]);
  });

  it.each([
    ['500', [fault, fault]],
    ['429', [rateLimit(20)]],
  ])('is not reported as a bad client body when it ends with %s', async (_case, last) => {
    await using pool = await startMoving();
    pool.fakeUpstream.account('b').answers(refusal, ...last);
    const response = await send(pool, { ...session, body: whole });
    expect(response.status).toBeOneOf([429, 503]);
    expect(response.headers['x-codex-pool-error']).toBeDefined();
    expect(pool.fakeUpstream.attempts().slice(1)).toEqual(['a', 'b', ...last.map(() => 'b')]);
    expect(response.body.toString()).not.toContain('invalid_encrypted_content');
  });
});
