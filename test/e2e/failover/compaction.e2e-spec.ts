import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compaction } from '../../../src/fake-upstream/script/compaction.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import {
  dropsConnection,
  failedFirst,
  refuses,
  streams,
} from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { send, type Received } from '../../support/clients/raw-client.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';

const COMPACT = '/backend-api/codex/responses/compact';
const counted = { input: 900, cached: 700, output: 50, reasoning: 20 };
const session = { 'session-id': 's-1' };

let pool: TestPool;
beforeEach(async () => {
  pool = await startRanked();
});
afterEach(async () => pool[Symbol.asyncDispose]());

/** Sends a compaction; `asked` holds the accounts that it was sent to. */
async function compact(
  options: { path?: string; headers?: Record<string, string>; fields?: object } = {},
): Promise<{ response: Received; asked: (string | null)[] }> {
  const { path = '/v1/responses/compact', headers = session, fields = {} } = options;
  const before = pool.fakeUpstream.log.length;
  const response = await send(pool, { path, headers, body: JSON.stringify(aTurn(fields)) });
  const reached = pool.fakeUpstream.log.slice(before).filter((it) => it.path.startsWith(COMPACT));
  return { response, asked: reached.map((it) => it.account) };
}

const totals = async (name: string) => (await pool.account(name)).totals;

describe('a compaction', () => {
  it.each([
    '/v1/responses/compact',
    '/responses/compact',
    '/backend-api/codex/responses/compact',
    '/api/codex/responses/compact/',
  ])('on %s is a model call whose tokens are counted', async (path) => {
    const { response, asked } = await compact({ path });
    expect(response).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'a' } });
    expect(response.body.toString()).toBe(JSON.stringify(compaction('a')));
    expect(asked).toEqual(['a']);
    expect(forwarded(pool.fakeUpstream).map((it) => it.path)).toEqual([COMPACT]);
    await expect.poll(() => totals('a')).toMatchObject({ ...counted, turns: 1 });
    const usage = async () => (await pool.client.get('/admin/usage?by=model')).body.hours;
    await expect.poll(usage).toMatchObject([{ model: 'gpt-5.5', ...counted, turns: 1 }]);
  });

  it.each<[string, ScriptedResponse]>([
    ['a usage limit', usageLimit()],
    ['a rate limit', refuses(429, { error: { code: 'rate_limit_exceeded' } })],
    ['a deactivation', refuses(402, { detail: { code: 'deactivated_workspace' } })],
    ['a model that it lacks', refuses(404, { detail: 'Model not found gpt-5.5' })],
    ['a page of the edge', refuses(403, '<html>', { 'content-type': 'text/html' })],
    [
      'a limit in an event stream',
      failedFirst('usage_limit_reached', undefined, { resets_in_seconds: 3_600 }),
    ],
  ])('moves to another account after %s', async (_what, refusal) => {
    pool.fakeUpstream.account('a').compactions(refusal);
    const { response, asked } = await compact();
    expect([response.status, response.headers['x-codex-pool-account']]).toEqual([200, 'b']);
    expect(asked).toEqual(['a', 'b']);
    await expect.poll(() => totals('b')).toMatchObject({ ...counted, turns: 1 });
  });

  it.each<[string, ScriptedResponse[]]>([
    ['a dropped connection', [dropsConnection()]],
    ['a 503', [refuses(503, { error: 'no luck' })]],
  ])('is tried once more on its account after %s', async (_what, responses) => {
    pool.fakeUpstream.account('a').compactions(...responses);
    const { response, asked } = await compact();
    expect(response.status).toBe(200);
    expect(asked).toEqual(['a', 'a']);
  });

  it('is served with a new token after a 401', async () => {
    pool.fakeUpstream.account('a').expireAccessToken();
    const { response, asked } = await compact();
    expect(response.status).toBe(200);
    expect(asked).toEqual(['a', 'a']);
  });

  it('goes to the account of its session, and the session to the account that served it', async () => {
    pool.fakeUpstream.account('a').answers(usageLimit());
    await pool.turn(session).expect(200); // the session is on b now
    await pool.client.post('/admin/accounts/a/reset').expect(200);
    expect((await compact()).asked).toEqual(['b']);
    pool.fakeUpstream.account('b').compactions(usageLimit());
    expect((await compact()).asked).toEqual(['b', 'a']);
    expect((await pool.turn(session).expect(200)).headers['x-codex-pool-account']).toBe('a');
  });

  it('takes the model in its body out, not the account', async () => {
    const lacks = refuses(400, { detail: "The 'gpt-x' model is not supported when using Codex." });
    pool.fakeUpstream.account('a').compactions(lacks);
    expect((await compact({ fields: { model: 'gpt-x' } })).asked).toEqual(['a', 'b']);
    expect((await compact({ headers: {}, fields: { model: 'gpt-x' } })).asked).toEqual(['b']);
    expect((await compact({ headers: {} })).asked).toEqual(['a']);
  });

  it('pins what continues it to its account', async () => {
    pool.fakeUpstream.account('a').compactions(usageLimit());
    await compact();
    await pool.client.post('/admin/accounts/a/reset').expect(200);
    expect((await compact({ headers: {} })).asked).toEqual(['a']);
    const fields = { previous_response_id: 'resp_of_b' };
    expect((await compact({ headers: {}, fields })).asked).toEqual(['b']);
  });

  it('passes megabytes unchanged and counts their tokens', async () => {
    const body = compaction('a', { contentBytes: 5_000_000 });
    pool.fakeUpstream.account('a').compactions(refuses(200, body));
    const { response } = await compact();
    expect(response.body.equals(Buffer.from(JSON.stringify(body)))).toBe(true);
    await expect.poll(() => totals('a')).toMatchObject({ ...counted, turns: 1 });
  });

  it('may be answered by an event stream', async () => {
    const usage = { input: 5, cached: 0, output: 6, reasoning: 0 };
    pool.fakeUpstream.account('a').compactions(streams({ usage }));
    const { response } = await compact();
    expect(response.headers['content-type']).toBe('text/event-stream');
    await expect.poll(() => totals('a')).toMatchObject({ ...usage, turns: 1 });
  });

  it.each<[string, ScriptedResponse]>([
    ['no JSON', refuses(200, 'no JSON')],
    ['a JSON list', refuses(200, '[1]')],
    ['an object without usage', refuses(200, {})],
    ['usage of the wrong kind', refuses(200, { usage: { input_tokens: 'many' } })],
  ])('with %s is passed on and counts as a turn without tokens', async (_what, answer) => {
    pool.fakeUpstream.account('a').compactions(answer);
    const { response } = await compact();
    expect(response.status).toBe(200);
    await expect.poll(() => totals('a')).toMatchObject({ input: 0, output: 0, turns: 1 });
  });

  it('passes upstream’s own refusal of its body on', async () => {
    pool.fakeUpstream.account('a').compactions(refuses(400, { error: { message: 'made up' } }));
    const { response, asked } = await compact();
    expect([response.status, response.body.toString()]).toEqual([400, '{"error":{"message":"made up"}}']);
    expect(asked).toEqual(['a']);
  });

  it('only takes POST', async () => {
    const { body, headers } = await pool.client.get('/v1/responses/compact').expect(405);
    expect([body.error.code, headers['allow']]).toEqual(['method_not_allowed', 'POST']);
    await pool.client.head('/v1/responses/compact').expect(200);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });
});
