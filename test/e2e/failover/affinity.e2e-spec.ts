import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { after, streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock, HOUR } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { startTilted, used } from '../../support/pool/uneven-pool.js';

describe('affinity', () => {
  it('keeps the turns of a session on one account, regardless of the others’ quota', async () => {
    await using pool = await startTilted();
    for (let i = 0; i < 5; i += 1) await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'b', 'b', 'b', 'a']);
  });

  it('keeps the sub-agents of a session on its account', async () => {
    await using pool = await startTilted();
    await pool.turn({ 'session-id': 's-1', 'thread-id': 's-1' }).expect(200);
    await pool.turn({ 'session-id': 's-1', 'thread-id': 't-2' }).expect(200);
    await pool.turn({ 'session-id': 's-2', 'thread-id': 't-2' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'a']);
  });

  it('sends concurrent first requests of a session to one account', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const together = Promise.withResolvers<void>();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(after(together.promise, streams()));
    const turns = [1, 2, 3, 4].map(() => pool.turn({ 'session-id': 's-1' }).expect(200));
    const responses = Promise.all(turns);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 4, 'four turns');
    together.resolve();
    await responses;
    expect(new Set(pool.fakeUpstream.attempts()).size).toBe(1);
  });

  it('moves a session once when its account is exhausted, and leaves it there', async () => {
    const clock = new FakeClock();
    await using pool = await startTilted({ clock });
    const session = { 'session-id': 's-1' };
    await pool.turn(session).expect(200);
    pool.fakeUpstream
      .account('b')
      .usage(used(0))
      .answers(usageLimit({ resetsInSeconds: 3_600 }));
    await pool.turn(session).expect(200);
    await pool.turn(session).expect(200);
    clock.advance(2 * HOUR);
    expect(await pool.account('b')).toMatchObject({ available: true });
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    pool.fakeUpstream.account('a').usage(used(95));
    await pool.turn(session).expect(200);
    await pool.turn(session).expect(200);
    await pool.turn({ 'session-id': 's-3' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'a', 'a', 'a', 'a', 'a', 'b']);
  });

  it('survives a reload and another account’s new login', async () => {
    await using pool = await startTilted();
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
    const { body } = await pool.client.post('/admin/reload').expect(200);
    expect(body).toMatchObject([
      { name: 'a', result: 'updated' },
      { name: 'b', result: 'unchanged' },
    ]);
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'a']);
  });

  it('survives its own account’s new login', async () => {
    await using pool = await startTilted();
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    const login = pool.fakeUpstream.account('b').loginAgain();
    await pool.writeAuth('b', login);
    await pool.client.post('/admin/reload').expect(200);
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b']);
    expect(pool.fakeUpstream.turns()[1]?.headers.authorization).toBe(`Bearer ${login.tokens.access_token}`);
  });

  it.each([
    ['plain', undefined, (text: string) => Buffer.from(text)],
    ['gzip', 'gzip', (text: string) => gzipSync(text)],
    ['br', 'br', (text: string) => brotliCompressSync(text)],
    ['zstd', 'zstd', (text: string) => zstdCompressSync(text)],
  ])('follows an old client that names its conversation in a %s body', async (_case, encoding, compress) => {
    await using pool = await startTilted();
    const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
    const body = compress(JSON.stringify(aTurn({ conversation_id: 'c-1' })));
    for (let i = 0; i < 3; i += 1) expect(await send(pool, { headers, body })).toMatchObject({ status: 200 });
    await send(pool, { headers, body: compress(JSON.stringify(aTurn({ conversation_id: 'c-2' }))) });
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'b', 'a']);
    expect(pool.fakeUpstream.turns()[0]?.body.equals(body)).toBe(true);
  });

  it('recognizes the same session in a header and in a body', async () => {
    await using pool = await startTilted();
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.turn({}, aTurn({ conversation_id: 's-1' })).expect(200);
    await pool.turn({}, aTurn({ metadata: { conversation_id: 's-1' } })).expect(200);
    await pool.turn({ conversation_id: 's-1' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'b', 'b']);
  });
});
