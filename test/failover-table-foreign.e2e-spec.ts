import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { refuses } from '../src/stand-in/answers.js';
import { rateLimit, usageLimit } from '../src/stand-in/refusals.js';
import { FakeClock, MINUTE } from './support/fake-clock.js';
import type { TestPool } from './support/pool.js';
import { expectTurnOf, free, isServedBy, movesToB, standing, startRanked } from './support/ranked.js';
import { type Received, send } from './support/raw-client.js';

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
/** Written as no serializer of ours would: only bytes that were not touched compare equal. */
const bodyWith = (...items: string[]): string =>
  `{ "model":"gpt-5.5",\n"stream":true, "input":[${items.join(',')}],"z":1.0,"reasoning":{"effort" : "high"} }\n`;
const whole = bodyWith(user, reasoning, compaction, call, reasoning);
const without = bodyWith(user, compaction, call);

/** The session is on `a`, which is then at its limit: what comes next goes to `b`, with what `a` has encrypted. */
async function startMoving(env: Record<string, string> = {}): Promise<TestPool> {
  const pool = await startRanked({ clock: new FakeClock(), env });
  await isServedBy(pool, 'a', session);
  pool.standIn.account('a').answers(usageLimit());
  return pool;
}

const bodiesTo = (pool: TestPool): string[] => pool.standIn.turns().map((it) => it.body.toString());

function expectOriginal(answer: Received): void {
  expect(answer).toMatchObject({ status: 400, headers: { 'x-of': 'b', 'x-codex-pool-account': 'b' } });
  expect(answer.headers).not.toHaveProperty('x-codex-pool-error');
  expect(answer.body.toString()).toBe(original.toString());
}

describe('foreign content', () => {
  it('400 invalid_encrypted_content is asked once more without the reasoning, all else byte for byte', async () => {
    // The recovery is free of the budget.
    await using pool = await startMoving({ PROXY_MAX_ATTEMPTS: '2' });
    pool.standIn.account('b').answers(refusal);
    expectTurnOf('b', await send(pool, { ...session, body: whole }));
    expect(pool.standIn.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    expect(bodiesTo(pool).slice(1)).toEqual([whole, whole, without]);
    expect(await standing(pool, 'a')).toMatchObject({ reason: 'quota-exhausted' });
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it.each([
    ['gzip', gzipSync, gunzipSync],
    ['zstd', zstdCompressSync, zstdDecompressSync],
  ])('is taken out of a body in %s as well', async (encoding, compress, inflate) => {
    await using pool = await startMoving();
    pool.standIn.account('b').answers(refusal);
    const headers = { ...session.headers, 'content-encoding': encoding };
    expectTurnOf('b', await send(pool, { headers, body: compress(whole) }));
    expect(pool.standIn.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    const [last] = pool.standIn.turns().slice(-1);
    const isPlain = last?.headers['content-encoding'] === undefined;
    const sent = last?.body ?? Buffer.alloc(0);
    expect((isPlain ? sent : inflate(sent)).toString()).toBe(without);
  });

  it('goes to the former account, as it came, once that may serve again', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a', session);
    await movesToB(pool, [rateLimit()], session);
    clock.advance(MINUTE);
    pool.standIn.account('b').answers(refusal);
    expectTurnOf('a', await send(pool, { ...session, body: whole }));
    expect(pool.standIn.attempts().slice(3)).toEqual(['b', 'a']);
    expect(bodiesTo(pool).slice(3)).toEqual([whole, whole]);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await isServedBy(pool, 'a', session); // and stays there
  });

  it('is the original 400 when it is refused without the reasoning, too', async () => {
    await using pool = await startMoving();
    pool.standIn.account('b').always(refusal);
    expectOriginal(await send(pool, { ...session, body: whole }));
    expect(pool.standIn.attempts().slice(1)).toEqual(['a', 'b', 'b']);
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it.each([
    ['has a compaction alone', bodyWith(user, compaction)],
    ['has nothing encrypted', bodyWith(user, call)],
    ['is no JSON', whole.slice(0, -3)],
  ])('is the original 400 at once when the input %s', async (_what, body) => {
    await using pool = await startMoving();
    pool.standIn.account('b').always(refusal);
    expectOriginal(await send(pool, { ...session, body }));
    expect(pool.standIn.attempts().slice(1)).toEqual(['a', 'b']);
  });

  it('is the client’s own 400 in a session that has stayed where it was', async () => {
    await using pool = await startRanked();
    await isServedBy(pool, 'a', session);
    pool.standIn.account('a').answers(refusal);
    const answer = await send(pool, { ...session, body: whole });
    expect(answer).toMatchObject({ status: 400, headers: { 'x-codex-pool-account': 'a' } });
    expect(answer.body.equals(original)).toBe(true);
    expect(pool.standIn.attempts()).toEqual(['a', 'a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});
