import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { noFacts } from './body-facts.js';
import { factsOf, inspectBody } from './body-inspection.js';
import { ReplayBudget } from './replay-budget.js';

const KiB = 1_024;
const plain = Buffer.from(
  JSON.stringify({ model: 'm', reasoning: { effort: 'high' }, conversation_id: 'c' }),
);

describe('the inspection of a body', () => {
  it.each([
    ['plain', undefined, plain],
    ['labelled as plain', ' Identity ', plain],
    ['gzip', 'gzip', gzipSync(plain)],
    ['deflate', 'deflate', deflateSync(plain)],
    ['br', 'br', brotliCompressSync(plain)],
    ['zstd', 'ZSTD', zstdCompressSync(plain)],
  ])('returns its plain bytes, and holds no room afterwards: %s', async (_how, encoding, body) => {
    const budget = new ReplayBudget();
    const held: number[] = [];
    const seen = await inspectBody(body, encoding, budget, (bytes) => {
      held.push(budget.bytes);
      return bytes.toString();
    });
    expect(seen).toBe(plain.toString());
    expect(held).toEqual([body === plain ? 0 : plain.length]);
    expect(budget.bytes).toBe(0);
  });

  it.each([
    ['damaged', 'zstd', Buffer.from('no zstd at all')],
    ['cut', 'gzip', gzipSync(plain).subarray(0, -20)],
    ['in an unknown encoding', 'made-up', plain],
    [
      'larger than the limit when inflated',
      'zstd',
      zstdCompressSync(Buffer.alloc(limits.inflatedBodyBytes + 1)),
    ],
  ])('is null when the body is %s', async (_how, encoding, body) => {
    const budget = new ReplayBudget();
    expect(await inspectBody(body, encoding, budget, () => 'seen')).toBeNull();
    expect(budget.bytes).toBe(0);
  });

  it.each(['gzip', 'zstd'])('uses at most the bound of the process: %s', async (encoding) => {
    const large = Buffer.alloc(900 * KiB, 'x');
    const body = encoding === 'gzip' ? gzipSync(large) : zstdCompressSync(large);
    const budget = new ReplayBudget(1_000 * KiB);
    budget.claim(100 * KiB);
    expect(await inspectBody(body, encoding, budget, (bytes) => bytes.length)).toBe(large.length);
    budget.claim(1);
    expect(await inspectBody(body, encoding, budget, (bytes) => bytes.length)).toBeNull();
    expect(budget.bytes).toBe(100 * KiB + 1);
  });

  it('shares the bound with simultaneous ones', async () => {
    const body = zstdCompressSync(Buffer.alloc(900 * KiB, 'x'));
    const budget = new ReplayBudget(2_000 * KiB);
    let most = 0;
    const looks = Array.from({ length: 8 }, async () =>
      inspectBody(body, 'zstd', budget, () => {
        most = Math.max(most, budget.bytes);
        return 'seen';
      }),
    );
    const seen = (await Promise.all(looks)).filter((it) => it !== null).length;
    expect(seen).toBeLessThan(8);
    expect(most).toBeLessThanOrEqual(2_000 * KiB);
    expect(budget.bytes).toBe(0);
  });
});

describe('the facts of a body', () => {
  it('need room for the inflated copy alone', async () => {
    const facts = { sessionKey: expect.any(String), model: 'm', effort: 'high' };
    const zstd = zstdCompressSync(plain);
    expect(await factsOf(plain, undefined, new ReplayBudget(0))).toEqual(facts);
    const enough = new ReplayBudget(plain.length);
    expect(await factsOf(zstd, 'zstd', enough)).toEqual(facts);
    expect(await factsOf(zstd, 'zstd', new ReplayBudget(plain.length - 1))).toBeNull();
    expect(enough.bytes).toBe(0);
  });

  it.each([
    ['is cut off', Buffer.from('{"model":"m"')],
    ['is not an object', Buffer.from('["m"]')],
    ['names a model that is too long', Buffer.from(JSON.stringify({ model: 'm'.repeat(1_001) }))],
  ])('are empty if the JSON %s', async (_how, body) => {
    expect(await factsOf(body, undefined, new ReplayBudget())).toEqual(noFacts);
  });
});
