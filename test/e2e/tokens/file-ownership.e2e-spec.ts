import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import { type Received, send } from '../../support/clients/raw-client.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const FILES = '/backend-api/files';
const session = { 'session-id': 's-1' };
/** What an upload is answered: odd spacing and unknown fields are the client's, to the byte. */
const created = Buffer.from('{ "file_id":"file_0ab",\n "upload_url": "https://made.up/x" , "ü": 1.0}\n');

const upload = async (pool: TestPool, headers: Readonly<Record<string, string>>): Promise<Received> =>
  await send(pool, { path: FILES, headers, body: '{"file_name":"x","file_size":1,"use_case":"codex"}' });

const naming = (id: string): string =>
  JSON.stringify(aTurn({ input: [{ role: 'user', content: `look at sediment://${id}` }] }));

/** Account b has the session `s-1`, and everything else goes to a, which is also home. */
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

/** The accounts of what reached upstream after the first turn. */
const accountsAfter = (pool: TestPool): readonly (string | null)[] =>
  forwarded(pool.fakeUpstream)
    .slice(1)
    .map((it) => it.account);

function pause(pool: TestPool, name: string): void {
  const account = pool.registry.list().find((it) => it.name === name);
  if (account !== undefined) account.settings = { ...account.settings, isPaused: true };
}

describe('a file', () => {
  it('is uploaded with the account of its session, and the answer passes byte for byte', async () => {
    await using pool = await start();
    const answer = await upload(pool, { ...session, 'accept-encoding': 'gzip, br' });
    expect(answer.status).toBe(200);
    expect(answer.body.equals(created)).toBe(true);
    expect(accountsAfter(pool)).toEqual(['b']);
    expect(forwarded(pool.fakeUpstream)[1]?.headers).not.toHaveProperty('accept-encoding');
  });

  it('without a session is uploaded with the home account', async () => {
    await using pool = await start();
    await upload(pool, {});
    await upload(pool, { 'chatgpt-account-id': pool.fakeUpstream.account('b').accountId });
    expect(accountsAfter(pool)).toEqual(['a', 'b']);
  });

  it('stays with its account: what is asked about it, and the turns that name it', async () => {
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

  it('is found in the compressed turn of Codex, whose bytes go on unchanged', async () => {
    await using pool = await start();
    await upload(pool, session);
    const body = zstdCompressSync(naming('file_0ab'));
    const headers = { 'content-encoding': 'zstd', 'x-codex-turn-metadata': '{"session_id":"s-2"}' };
    expect(await send(pool, { headers, body })).toMatchObject({ status: 200 });
    expect(accountsAfter(pool)).toEqual(['b', 'b']);
    expect(pool.fakeUpstream.turns()[1]?.body.equals(body)).toBe(true);
  });

  it('whose account is at its limit costs the turn the limit of that one, and no question about the file', async () => {
    await using pool = await start();
    await upload(pool, session);
    pool.fakeUpstream.account('b').answers(usageLimit({ resetsInSeconds: 3_600 }));
    for (const _client of [1, 2]) {
      const answer = await send(pool, { body: naming('file_0ab') });
      expect(answer).toMatchObject({ status: 429, headers: { 'x-codex-pool-error': 'usage_limit_reached' } });
    }
    expect(await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' })).toMatchObject({
      status: 200,
    });
    expect(accountsAfter(pool)).toEqual(['b', 'b', 'b']);
  });

  it('whose account is paused is asked about in vain', async () => {
    await using pool = await start();
    await upload(pool, session);
    pause(pool, 'b');
    const answer = await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' });
    expect(answer).toMatchObject({ status: 503, headers: { 'x-codex-pool-error': 'no_account_available' } });
    expect(answer.body.toString()).toContain('b is paused');
    expect(accountsAfter(pool)).toEqual(['b']);
  });

  it("whose upload is refused is nobody's", async () => {
    await using pool = await start();
    pool.fakeUpstream.on('POST', FILES, (_req, res) => void res.writeHead(422).end(created));
    expect(await upload(pool, session)).toMatchObject({ status: 422 });
    await send(pool, { body: naming('file_0ab') });
    expect(accountsAfter(pool)).toEqual(['b', 'a']);
  });

  it('is known again after a restart', async () => {
    await using before = await start();
    await upload(before, session);
    await using pool = await before.restart();
    await send(pool, { path: `${FILES}/file_0ab/uploaded`, body: '{}' });
    await send(pool, { body: naming('file_0ab') });
    await send(pool, { body: naming('file_0ac') });
    expect(accountsAfter(pool)).toEqual(['b', 'b', 'b', 'a']);
  });
});
