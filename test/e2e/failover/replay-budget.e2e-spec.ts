import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { dropsConnection, hangs, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { leavingTurn, send } from '../../support/clients/raw-client.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const budgetOf = (pool: TestPool): ReplayBudget => pool.running.app.get(ReplayBudget);
const plain = Buffer.from(
  JSON.stringify(aTurn({ conversation_id: 'c-1', instructions: 'x'.repeat(100_000) })),
);
const zstd = { headers: { 'content-encoding': 'zstd' }, body: zstdCompressSync(plain) };

describe('the replay budget', () => {
  it.each<[string, (pool: TestPool) => void, { headers?: Record<string, string>; body: Buffer }, number]>([
    ['is served', () => undefined, { body: plain }, 200],
    ['is served, compressed', () => undefined, zstd, 200],
    [
      'hits the limit of every account',
      (pool) => void ['a', 'b'].map((it) => pool.fakeUpstream.account(it).answers(usageLimit(), streams())),
      { body: plain },
      429,
    ],
    [
      'fails over and is served',
      (pool) => void pool.fakeUpstream.account('a').answers(usageLimit()),
      { body: plain },
      200,
    ],
    [
      'is refused',
      (pool) =>
        void ['a', 'b'].map((it) => pool.fakeUpstream.account(it).always(refuses(422, { error: 'x' }))),
      zstd,
      422,
    ],
    [
      'finds no account',
      (pool) => void ['a', 'b'].map((it) => pool.fakeUpstream.account(it).always(dropsConnection())),
      { body: plain },
      503,
    ],
    ['has a body too large to keep', () => undefined, { body: Buffer.alloc(17 * 1_024 * 1_024, ' ') }, 200],
    [
      'has a body too large to keep and of unknown length',
      () => undefined,
      { headers: { 'transfer-encoding': 'chunked' }, body: Buffer.alloc(17 * 1_024 * 1_024, ' ') },
      200,
    ],
  ])('is released when a request %s', async (_ending, prepare, sent, status) => {
    await using pool = await TestPool.start();
    prepare(pool);
    expect(await send(pool, sent)).toMatchObject({ status });
    await expect.poll(() => budgetOf(pool).bytes).toBe(0);
  });

  it.each([
    ['before the response', () => hangs()],
    ['during the response', () => streams({ events: [created(), delta('x')], thenHang: true })],
  ])('is claimed while a turn runs and released when the client leaves %s', async (_when, response) => {
    await using pool = await TestPool.start();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(response());
    const turn = leavingTurn(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn');
    expect(budgetOf(pool).bytes).toBe(Buffer.byteLength(JSON.stringify(aTurn())));
    turn.leave();
    await turn.left;
    await expect.poll(() => budgetOf(pool).bytes).toBe(0);
  });

  it.each(['content-length: 100000', 'transfer-encoding: chunked'])(
    'is claimed by half a body and released when the client leaves: %s',
    async (framing) => {
      await using pool = await TestPool.start();
      const head = `POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1:${pool.port}\r\n${framing}\r\n\r\n`;
      const half = 'x'.repeat(50_000);
      {
        using client = new RawSocket(pool.origin);
        await client.write(
          head + (framing.includes('chunked') ? `${half.length.toString(16)}\r\n` : '') + half,
        );
        await expect.poll(() => budgetOf(pool).bytes).toBe(half.length);
      }
      await expect.poll(() => budgetOf(pool).bytes).toBe(0);
      expect(pool.fakeUpstream.turns()).toEqual([]);
    },
  );
});

describe('an exhausted replay budget', () => {
  it('leaves a body unbuffered but served', async () => {
    await using pool = await TestPool.start();
    const budget = budgetOf(pool);
    const taken = limits.replayBytesInTotal - plain.length + 1;
    budget.claim(taken);
    expect(await send(pool, { body: plain })).toMatchObject({ status: 200 });
    expect(pool.fakeUpstream.turns()[0]?.body.equals(plain)).toBe(true);
    await expect.poll(() => budget.bytes).toBe(taken);
    const { body } = await pool.client.get('/admin/requests').expect(200);
    expect(body).toMatchObject([{ isReplayable: false }]);
  });

  it('leaves a compressed body uninspected but served', async () => {
    await using pool = await startTilted();
    const budget = budgetOf(pool);
    await send(pool, zstd); // the session is on b now
    const tight = limits.replayBytesInTotal - zstd.body.length;
    for (const [taken, account] of [
      [tight - plain.length, 'b'],
      [tight - plain.length + 1, 'a'],
      [tight, 'a'],
    ] as const) {
      await expect.poll(() => budget.bytes).toBe(0);
      budget.claim(taken);
      expect(await send(pool, zstd)).toMatchObject({ status: 200 });
      expect(pool.fakeUpstream.attempts().at(-1)).toBe(account);
      expect(pool.fakeUpstream.turns().at(-1)?.body.equals(zstd.body)).toBe(true);
      await expect.poll(() => budget.bytes).toBe(taken);
      budget.giveBack(taken);
    }
  });
});
