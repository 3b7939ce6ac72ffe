import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dropsConnection, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { completed, created, delta, failed } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { aTurn, type TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { type Received, send } from '../../support/clients/raw-client.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const errorIn = (response: Received): unknown => JSON.parse(response.body.toString()).error;
const continues = (id: string | null, fields: object = {}): Buffer =>
  Buffer.from(JSON.stringify(aTurn({ previous_response_id: id, ...fields })));

/** Account b has served the response `resp_1`. New sessions and turns without a session go to a. */
async function withResponse(options: TestPoolOptions = {}): Promise<TestPool> {
  const pool = await startTilted(options);
  const events = [created('resp_1'), delta('x'), completed(undefined, 'resp_1')];
  pool.fakeUpstream.account('b').answers(streams({ events }));
  await pool.turn({ 'session-id': 's-1' }).expect(200);
  return pool;
}

function pause(pool: TestPool, name: string): void {
  const account = pool.registry.list().find((it) => it.name === name);
  if (account !== undefined) account.settings = { ...account.settings, isPaused: true };
}

/** The accounts of the turns after the first one, which created the response. */
const attemptsAfter = (pool: TestPool): readonly (string | null)[] => pool.fakeUpstream.attempts().slice(1);

describe('a turn that continues a response', () => {
  it.each([
    ['plain', undefined, (body: Buffer) => body],
    ['gzip', 'gzip', (body: Buffer) => gzipSync(body)],
    ['br', 'br', (body: Buffer) => brotliCompressSync(body)],
    ['zstd', 'zstd', (body: Buffer) => zstdCompressSync(body)],
  ])('goes unchanged to the account that created it: %s', async (_how, encoding, compress) => {
    await using pool = await withResponse();
    const body = compress(continues('resp_1'));
    const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
    expect(await send(pool, { headers, body })).toMatchObject({ status: 200 });
    expect(await send(pool, { headers: { ...headers, 'session-id': 's-2' }, body })).toMatchObject({
      status: 200,
    });
    expect(attemptsAfter(pool)).toEqual(['b', 'b']);
    for (const turn of pool.fakeUpstream.turns().slice(1)) expect(turn.body.equals(body)).toBe(true);
  });

  it.each([
    ['that is unknown', continues('resp_2')],
    ['that is null', continues(null)],
    ['that is only part of a text', continues(null, { input: '{"previous_response_id":"resp_1"}' })],
  ])('is not pinned by an id %s', async (_which, body) => {
    await using pool = await withResponse();
    expect(await send(pool, { body })).toMatchObject({ status: 200 });
    expect(attemptsAfter(pool)).toEqual(['a']);
  });

  it('is not searched for in compressed Codex turns, because Codex never names one over HTTP', async () => {
    await using pool = await withResponse();
    const headers = { 'content-encoding': 'zstd', 'x-codex-turn-metadata': '{"session_id":"s-2"}' };
    expect(await send(pool, { headers, body: zstdCompressSync(continues('resp_1')) })).toMatchObject({
      status: 200,
    });
    expect(attemptsAfter(pool)).toEqual(['a']);
  });

  it('is pinned even if the stream of that response was cut', async () => {
    await using pool = await startTilted();
    const events = [created('resp_1'), delta('x')];
    pool.fakeUpstream.account('b').answers(streams({ events, thenCut: true }));
    expect(await send(pool, { headers: { 'session-id': 's-1' } })).toMatchObject({ isBroken: true });
    expect(await send(pool, { body: continues('resp_1') })).toMatchObject({ status: 200 });
    expect(attemptsAfter(pool)).toEqual(['b']);
  });

  it('is not pinned by an attempt’s response that the client has not seen', async () => {
    await using pool = await startTilted();
    const events = [
      created('resp_0'),
      failed('usage_limit_reached', undefined, { resets_in_seconds: 3_600 }),
    ];
    pool.fakeUpstream.account('b').answers(streams({ events }));
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'a']);
    await send(pool, { body: continues('resp_0') });
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'a', 'a']);
  });

  it('is pinned on other routes, too', async () => {
    await using pool = await withResponse();
    const body = continues('resp_1');
    await send(pool, { path: '/v1/responses/compact', body });
    await send(pool, { path: '/v1/alpha/search', body });
    expect(forwarded(pool.fakeUpstream).map((it) => it.account)).toEqual(['b', 'b', 'b']);
  });

  it('stays pinned after a restart', async () => {
    await using before = await withResponse();
    await using pool = await before.restart();
    expect(await send(pool, { body: continues('resp_2') })).toMatchObject({ status: 200 });
    expect(await send(pool, { body: continues('resp_1') })).toMatchObject({ status: 200 });
    expect(attemptsAfter(pool)).toEqual(['a', 'b']);
  });
});

describe('a pinned turn whose account cannot serve it', () => {
  it('returns the limit and reset of that account although another one is available', async () => {
    const clock = new FakeClock();
    await using pool = await withResponse({ clock });
    const resetsAt = Math.floor((clock.now() + 3 * HOUR) / SECOND);
    pool.fakeUpstream.account('b').answers(usageLimit({ resetsAt }));
    for (const _client of [1, 2]) {
      const response = await send(pool, { body: continues('resp_1') });
      expect(response.status).toBe(429);
      expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached', resets_at: resetsAt });
      expect(response.headers).not.toHaveProperty('retry-after');
    }
    expect(attemptsAfter(pool)).toEqual(['b']); // the second time, the limit is known and no attempt is made
    expect(await send(pool)).toMatchObject({ status: 200 });
    clock.advance(4 * HOUR);
    expect(await send(pool, { body: continues('resp_1') })).toMatchObject({ status: 200 });
    expect(attemptsAfter(pool)).toEqual(['b', 'a', 'b']);
  });

  it('reports what the operator must do about that account only', async () => {
    await using pool = await withResponse();
    pause(pool, 'b');
    const response = await send(pool, { body: continues('resp_1') });
    expect(response.status).toBe(503);
    expect(errorIn(response)).toMatchObject({
      code: 'no_account_available',
      message: expect.stringContaining('b is paused'),
    });
    expect(response.body.toString()).not.toContain('a ');
    const headers = { originator: 'codex_cli_rs' };
    expect(await send(pool, { headers, body: continues('resp_1') })).toMatchObject({ status: 400 });
    expect(attemptsAfter(pool)).toEqual([]);
  });

  it('returns that account’s refusal of the model every time', async () => {
    await using pool = await withResponse();
    const refusal = { detail: 'The model gpt-5.5 is not supported with this account.' };
    pool.fakeUpstream.account('b').always(refuses(400, refusal));
    for (const _client of [1, 2]) {
      const response = await send(pool, { body: continues('resp_1') });
      expect(response.status).toBe(400);
      expect(JSON.parse(response.body.toString())).toEqual(refusal);
    }
    expect(attemptsAfter(pool)).toEqual(['b', 'b']);
  });

  it.each([
    ['closes the connection', dropsConnection()],
    ['fails', refuses(500, { error: 'made up' })],
  ])('tries no other account when upstream %s', async (_how, response) => {
    await using pool = await withResponse();
    pool.fakeUpstream.account('b').always(response);
    expect(await send(pool, { body: continues('resp_1') })).toMatchObject({
      status: 503,
      headers: { 'x-codex-pool-error': 'upstream_unreachable' },
    });
    expect(new Set(attemptsAfter(pool))).toEqual(new Set(['b']));
  });

  it('goes to any account once its own has left the pool', async () => {
    await using pool = await withResponse();
    await rm(join(pool.folder, 'pool', 'b.json'));
    await pool.client.post('/admin/reload').expect(200);
    const body = continues('resp_1');
    expect(await send(pool, { body })).toMatchObject({ status: 200 });
    expect(attemptsAfter(pool)).toEqual(['a']);
    expect(pool.fakeUpstream.turns()[1]?.body.equals(body)).toBe(true);
  });
});
