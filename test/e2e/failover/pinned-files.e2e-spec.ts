import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import { type Received, send } from '../../support/clients/raw-client.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const FILES = '/backend-api/files';
const session = { 'session-id': 's-1' };
/** The response to an upload. Odd spacing and unknown fields must reach the client byte for byte. */
const created = Buffer.from('{ "file_id":"file_0ab",\n "upload_url": "https://made.up/x" , "ü": 1.0}\n');

const upload = async (pool: TestPool, headers: Readonly<Record<string, string>>): Promise<Received> =>
  await send(pool, { path: FILES, headers, body: '{"file_name":"x","file_size":1,"use_case":"codex"}' });

const naming = (id: string): string =>
  JSON.stringify(aTurn({ input: [{ role: 'user', content: `look at sediment://${id}` }] }));

/** Account b has the session `s-1`. Everything else goes to a, which is also the home account. */
async function start(): Promise<TestPool> {
  const pool = await startTilted();
  await pool.turn(session).expect(200);
  pool.fakeUpstream.on('POST', FILES, (_req, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': created.length });
    res.write(created.subarray(0, 20));
    res.end(created.subarray(20));
  });
  return pool;
}

/** The accounts of the requests that reached upstream after the first turn. */
const accountsAfter = (pool: TestPool): readonly (string | null)[] =>
  forwarded(pool.fakeUpstream)
    .slice(1)
    .map((it) => it.account);

function pause(pool: TestPool, name: string): void {
  const account = pool.registry.list().find((it) => it.name === name);
  if (account !== undefined) account.settings = { ...account.settings, isPaused: true };
}

describe('an uploaded file', () => {
  it('goes to the account of its session, and the response passes byte for byte', async () => {
    await using pool = await start();
    const response = await upload(pool, { ...session, 'accept-encoding': 'gzip, br' });
    expect(response.status).toBe(200);
    expect(response.body.equals(created)).toBe(true);
    expect(accountsAfter(pool)).toEqual(['b']);
    expect(forwarded(pool.fakeUpstream)[1]?.headers).not.toHaveProperty('accept-encoding');
  });

  it('without a session goes to the home account', async () => {
    await using pool = await start();
    await upload(pool, {});
    await upload(pool, { 'chatgpt-account-id': pool.fakeUpstream.account('b').accountId });
    expect(accountsAfter(pool)).toEqual(['a', 'b']);
  });

  it('pins requests about it and turns that name it to its account', async () => {
    await using pool = await start();
    await upload(pool, session);
    const headers = { 'accept-encoding': 'gzip' };
    await send(pool, { path: `${FILES}/file_0ab/uploaded`, headers, body: '{}' });
    await send(pool, { path: `${FILES}/download/file_0ab`, method: 'GET', body: '' });
    await send(pool, { path: `${FILES}/file_0ac/uploaded`, body: '{}' });
    await send(pool, { body: naming('file_0ab') });
    await send(pool, { body: naming('file_0ab'), headers: { 'session-id': 's-2' } });
    await send(pool, { body: naming('file_0ac') });
    await send(pool, { body: naming('file_0abc') });
    expect(accountsAfter(pool)).toEqual(['b', 'b', 'b', 'a', 'b', 'b', 'a', 'a']);
    expect(forwarded(pool.fakeUpstream)[2]?.headers['accept-encoding']).toBe('gzip');
  });

  it('is found in a compressed Codex turn, which is passed on unchanged', async () => {
    await using pool = await start();
    await upload(pool, session);
    const body = zstdCompressSync(naming('file_0ab'));
    const headers = { 'content-encoding': 'zstd', 'x-codex-turn-metadata': '{"session_id":"s-2"}' };
    expect(await send(pool, { headers, body })).toMatchObject({ status: 200 });
    expect(accountsAfter(pool)).toEqual(['b', 'b']);
    expect(pool.fakeUpstream.turns()[1]?.body.equals(body)).toBe(true);
  });

  it('of an account at its limit fails turns with that limit, but not requests about the file', async () => {
    await using pool = await start();
    await upload(pool, session);
    pool.fakeUpstream.account('b').answers(usageLimit({ resetsInSeconds: 3_600 }));
    for (const _client of [1, 2]) {
      const response = await send(pool, { body: naming('file_0ab') });
      expect(response).toMatchObject({
        status: 429,
        headers: { 'x-codex-pool-error': 'usage_limit_reached' },
      });
    }
    expect(await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' })).toMatchObject({
      status: 200,
    });
    expect(accountsAfter(pool)).toEqual(['b', 'b', 'b']);
  });

  it('of a paused account fails requests about it', async () => {
    await using pool = await start();
    await upload(pool, session);
    pause(pool, 'b');
    const response = await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' });
    expect(response).toMatchObject({
      status: 503,
      headers: { 'x-codex-pool-error': 'no_account_available' },
    });
    expect(response.body.toString()).toContain('b is paused');
    expect(accountsAfter(pool)).toEqual(['b']);
  });

  it('is not pinned when its upload is refused', async () => {
    await using pool = await start();
    pool.fakeUpstream.on('POST', FILES, (_req, res) => void res.writeHead(422).end(created));
    expect(await upload(pool, session)).toMatchObject({ status: 422 });
    await send(pool, { body: naming('file_0ab') });
    expect(accountsAfter(pool)).toEqual(['b', 'a']);
  });

  it('stays pinned after a restart', async () => {
    await using before = await start();
    await upload(before, session);
    await using pool = await before.restart();
    await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' });
    await send(pool, { body: naming('file_0ab') });
    await send(pool, { body: naming('file_0ac') });
    expect(accountsAfter(pool)).toEqual(['b', 'b', 'b', 'a']);
  });
});
