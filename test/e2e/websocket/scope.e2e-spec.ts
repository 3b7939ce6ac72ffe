import { describe, expect, it } from 'vitest';
import {
  creditsExhausted,
  modelNotFound,
  modelNotSupported,
  modelRefusalShapes,
  wrongPlace,
} from '../../../src/fake-upstream/script/field-refusals.js';
import { forbidden, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { messages, type SocketResponse } from '../../../src/fake-upstream/script/socket-script.js';
import { created, delta, failed, messageAdded } from '../../../src/fake-upstream/script/turn-events.js';
import { errorEvent } from '../../../src/fake-upstream/websocket/events.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { jsonOf, typeOf } from '../../support/clients/socket-message.js';
import { TestPool } from '../../support/pool/pool.js';
import { polled } from '../../support/pool/first-poll.js';
import { expectAllFree } from '../../support/pool/scope.js';

const SPARK = 'gpt-5.3-codex-spark';
const OTHER = 'gpt-5.5';
const METER = 'codex_bengalfox';

async function startPool(accounts: string[] = ['a', 'b']): Promise<TestPool> {
  const pool = await TestPool.start({ accounts, env: { PROXY_POLICY: 'fill-first' } });
  await polled(pool);
  return pool;
}

/** Runs a turn on a new session; returns the type of its last message, and the accounts that were asked. */
async function turn(pool: TestPool, model: string): Promise<{ last: string; asked: string[]; text: string }> {
  const before = pool.fakeUpstream.sockets.attempts().length;
  await using client = await SocketClient.connect(pool.origin);
  const got = await client.turn({ model });
  const last = got.at(-1);
  return {
    last: last === undefined ? 'none' : typeOf(last),
    text: got.map((it) => it.bytes.toString()).join('\n'),
    asked: pool.fakeUpstream.sockets.attempts().slice(before),
  };
}

describe('the limit of a meter, on a WebSocket', () => {
  it.each<[string, ScriptedResponse]>([
    ['in the headers of an error message', usageLimit({ meter: METER })],
    ['in limit_name', usageLimit({ meter: METER, meterIn: 'limit_name' })],
    ['in metered_limit_name', usageLimit({ meter: METER, meterIn: 'metered_limit_name' })],
    [
      'in response.failed',
      streams({ events: [created(), failed('usage_limit_reached', 'no', { metered_limit_name: METER })] }),
    ],
  ])('takes out only its own models: %s', async (_where, refusal) => {
    await using pool = await startPool();
    for (const it of ['a', 'b']) pool.fakeUpstream.account(it).sockets.answers(refusal);
    expect((await turn(pool, SPARK)).asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
    expect(await turn(pool, OTHER)).toMatchObject({ last: 'response.completed', asked: ['a'] });
    expect(await turn(pool, SPARK)).toMatchObject({ last: 'error', asked: [] });
  });

  it('is learned after output as well', async () => {
    await using pool = await startPool();
    const late = failed('usage_limit_reached', 'no', { metered_limit_name: METER });
    const events = [created(), messageAdded(), delta('x'), late];
    pool.fakeUpstream.account('a').sockets.answers(streams({ events }));
    expect((await turn(pool, SPARK)).last).toBe('response.failed');
    await expectAllFree(pool);
    expect((await turn(pool, SPARK)).asked).toEqual(['b']);
    expect((await turn(pool, OTHER)).asked).toEqual(['a']);
  });
});

describe('the wrong place, on a WebSocket', () => {
  it('ends the turn at once, in upstream’s words, and blames no account', async () => {
    await using pool = await startPool();
    for (const it of ['a', 'b']) pool.fakeUpstream.account(it).sockets.answers(wrongPlace());
    await using client = await SocketClient.connect(pool.origin);
    const last = (await client.turn()).at(-1);
    expect(last === undefined ? null : jsonOf(last)).toMatchObject({
      type: 'error',
      status: 400,
      error: { code: 'unsupported_country_region_territory' },
    });
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    await expectAllFree(pool);
    const { body } = await pool.client.get('/healthz').expect(200);
    expect(body.details.upstream.trouble).toContain('country');
    expect((await turn(pool, OTHER)).last).toBe('response.completed');
    expect((await pool.client.get('/healthz').expect(200)).body.details.upstream.trouble).toBeNull();
  });

  it('refuses the handshake with 400 for Codex, and the next one is accepted', async () => {
    await using pool = await startPool();
    for (const it of ['a', 'b']) pool.fakeUpstream.account(it).sockets.handshakes(wrongPlace());
    const { status, text } = await SocketClient.refused(pool.origin);
    expect({ status, text }).toMatchObject({
      status: 400,
      text: expect.stringContaining('unsupported_country_region_territory'),
    });
    expect(pool.fakeUpstream.handshakes()).toHaveLength(1);
    await expectAllFree(pool);
    expect((await turn(pool, OTHER)).asked).toEqual(['a']);
  });
});

describe('a model that an account lacks, on a WebSocket', () => {
  it.each(modelRefusalShapes)('is requested from another account: %s', async (shape) => {
    await using pool = await startPool();
    pool.fakeUpstream.account('a').sockets.answers(modelNotFound(SPARK, shape));
    expect(await turn(pool, SPARK)).toMatchObject({ last: 'response.completed', asked: ['a', 'b'] });
    await expectAllFree(pool);
    expect((await turn(pool, SPARK)).asked).toEqual(['b']);
    expect((await turn(pool, OTHER)).asked).toEqual(['a']);
  });

  it('is not inferred from a text that names another model', async () => {
    await using pool = await startPool();
    pool.fakeUpstream.account('a').sockets.answers(modelNotSupported('gpt-image-2'));
    expect(await turn(pool, OTHER)).toMatchObject({ last: 'error', asked: ['a'] });
    expect((await turn(pool, OTHER)).asked).toEqual(['a']);
  });
});

describe('a page of the edge, on a WebSocket', () => {
  const html =
    '<!DOCTYPE html><html><head><title>Error 1015: You are being rate limited</title></head></html>';
  const marks = { 'retry-after': '3600', server: 'cloudflare' };
  it.each<[string, SocketResponse]>([
    ['as the text of a message', messages(errorEvent(429, { message: html }, marks))],
    ['as a refusal', refuses(429, html, { 'content-type': 'text/html', ...marks })],
  ])('%s to every account takes none out', async (_case, response) => {
    await using pool = await startPool();
    for (const it of ['a', 'b']) pool.fakeUpstream.account(it).sockets.always(response);
    expect((await turn(pool, OTHER)).last).toBe('error');
    await expectAllFree(pool);
  });
});

describe('other refusals on a WebSocket', () => {
  it('are passed on in upstream’s own words when two accounts return 403 with the same code', async () => {
    await using pool = await startPool(['a', 'b', 'c']);
    for (const it of ['a', 'b', 'c']) pool.fakeUpstream.account(it).sockets.answers(forbidden());
    const { last, asked, text } = await turn(pool, OTHER);
    expect({ last, asked }).toEqual({ last: 'error', asked: ['a', 'b'] });
    expect(text).toContain('This account may not do that.');
    await expectAllFree(pool);
  });

  it.each(['credit_balance_exhausted', 'workspace_owner_credits_depleted', 'project_spend_limit_exceeded'])(
    'count as spent quota, whatever the status: %s',
    async (code) => {
      await using pool = await startPool();
      pool.fakeUpstream.account('a').sockets.answers(creditsExhausted(code, 402));
      expect((await turn(pool, OTHER)).asked).toEqual(['a', 'b']);
      expect(await pool.account('a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    },
  );

  it('cannot keep a session on an account that pays with credits: it reconnects elsewhere', async () => {
    await using pool = await startPool();
    await using client = await SocketClient.connect(pool.origin);
    const completed = (await client.turn({ model: OTHER })).at(-1);
    const [id] = /resp_\w+/.exec(completed?.bytes.toString() ?? '') ?? [];
    expect(id).toMatch(/^resp_/);
    const spent = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };
    const credits = { hasCredits: true, unlimited: false, balance: '12.5' };
    pool.fakeUpstream.account('a').usage(spent).allows(true).credits(credits);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    await client.turn({ model: OTHER, previous_response_id: id });
    expect(client.end?.code).toBe(1012);
    expect((await turn(pool, OTHER)).asked).toEqual(['b']);
  });
});
