import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { wrongPlace } from '../../../src/fake-upstream/script/field-refusals.js';
import { forbidden } from '../../../src/fake-upstream/script/refusals.js';
import { failedFirst, refuses } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { FakeClock, MINUTE } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { expectTurnOf, servesAs, startRanked, isServedBy } from '../../support/pool/ranked-accounts.js';
import { codex, everyone, expectAllFree, inSession, startOver, turn } from '../../support/pool/scope.js';

const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock, accounts: ['a', 'b', 'c'] });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const PLACE = 'unsupported_country_region_territory';
const TEXT = 'Country, region, or territory not supported';

async function health(): Promise<{ status: string; trouble: string | null }> {
  const { body } = await pool.client.get('/healthz').expect(200);
  return { status: body.status, trouble: body.details.upstream.trouble };
}

describe('the wrong place', () => {
  it.each([
    ['Codex', codex, 400],
    ['the SDK', {}, 403],
  ])(
    'is reported to %s at once, in upstream’s own words, and blames no account',
    async (_who, headers, status) => {
      const refusal = wrongPlace();
      everyone(pool, () => refusal);
      const { response, asked } = await turn(pool, { headers });
      expect(asked).toEqual(['a']);
      expect(response.status).toBe(status);
      expect(response.body.equals(refusal.body)).toBe(true);
      expect(response.headers['content-type']).toMatch(/^application\/json/);
      expect(response.headers).not.toHaveProperty('retry-after');
      await expectAllFree(pool);
      everyone(pool, servesAs);
      expect(await isServedBy(pool, 'a', { headers })).toEqual(['a']);
    },
  );

  it.each<[string, ScriptedResponse]>([
    ['as error.type', refuses(403, { error: { type: PLACE, message: TEXT } })],
    ['at the top level', refuses(403, { code: PLACE, message: TEXT })],
    ['as text in error', refuses(403, { error: PLACE })],
    ['in detail', refuses(403, { detail: { code: PLACE, message: TEXT } })],
    ['as text in detail', refuses(403, { detail: PLACE })],
    ['only as the text of a message', refuses(403, { error: { message: TEXT } })],
    ['only as the text of detail', refuses(403, { detail: TEXT })],
    ['in upper case', refuses(403, { error: { code: PLACE.toUpperCase(), message: TEXT } })],
    ['with a Retry-After of an hour', { ...wrongPlace(), headers: { 'retry-after': '3600' } }],
  ])('is recognized %s', async (_where, refusal) => {
    everyone(pool, () => refusal);
    const { response, asked } = await turn(pool, { headers: codex });
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(400);
    expect(Number(response.headers['retry-after'] ?? 0)).toBeLessThanOrEqual(60);
    await expectAllFree(pool);
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a', { headers: codex })).toEqual(['a']);
  });

  it('is recognized as the first event of a stream', async () => {
    everyone(pool, () => failedFirst(PLACE, TEXT));
    const { response, asked } = await turn(pool, { headers: codex });
    expect(asked).toEqual(['a']);
    expect(response.body.toString()).toContain(PLACE);
    await expectAllFree(pool);
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a', { headers: codex })).toEqual(['a']);
  });

  it('is recognized as the first event of a stream that has it only as text, and is 400', async () => {
    everyone(pool, () => failedFirst('request_forbidden', TEXT));
    const { response, asked } = await turn(pool, { headers: codex });
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(400);
    await expectAllFree(pool);
  });

  it('ten times in a row takes no account out and moves no session', async () => {
    const headers = { ...codex, ...inSession('place-1') };
    expect(await isServedBy(pool, 'a', { headers })).toEqual(['a']);
    everyone(pool, () => wrongPlace());
    for (let i = 0; i < 10; i += 1) {
      expect(await turn(pool, { headers })).toMatchObject({ asked: ['a'], response: { status: 400 } });
    }
    await expectAllFree(pool);
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a', { headers })).toEqual(['a']);
  });

  it('is reported by /healthz until a turn is served', async () => {
    everyone(pool, () => wrongPlace());
    await turn(pool);
    const seen = await health();
    expect(seen.status).toBe('degraded');
    expect(seen.trouble).toMatch(/country|region|place/i);
    expect((await pool.client.get('/readyz')).status).toBe(200);
    everyone(pool, servesAs);
    await turn(pool);
    expect(await health()).toEqual({ status: 'up', trouble: null });
  });
});

const because = (code: string): ScriptedResponse => refuses(403, { error: { code, message: `no: ${code}` } });

describe('403 JSON with another code', () => {
  it.each<[string, ScriptedResponse]>([
    ['with a code', forbidden()],
    ['with a code in detail', refuses(403, { detail: { code: 'policy_made_up' } })],
    ['with only a text', refuses(403, { detail: 'This request may not be made.' })],
  ])('from two accounts is passed on unchanged and takes no account out: %s', async (_case, refusal) => {
    everyone(pool, () => refusal);
    for (const headers of [{}, codex]) {
      const { response, asked } = await turn(pool, { headers });
      expect(asked).toHaveLength(2);
      expect(response.status).toBe(403);
      expect(refusal).toHaveProperty('body', response.body);
      expect(response.headers).not.toHaveProperty('x-codex-pool-error');
      await expectAllFree(pool);
    }
    everyone(pool, servesAs);
    expect((await turn(pool)).asked).toHaveLength(1);
  });

  it('moves the turn to a third account if the codes differ', async () => {
    pool.fakeUpstream.account('a').answers(because('one'));
    pool.fakeUpstream.account('b').answers(because('two'));
    const { response, asked } = await turn(pool);
    expectTurnOf('c', response);
    expect(asked).toEqual(['a', 'b', 'c']);
    await expectAllFree(pool);
  });

  it('from one account moves the turn to another and ranks the first one behind for 5 minutes', async () => {
    pool.fakeUpstream.account('a').answers(forbidden());
    const { response, asked } = await turn(pool);
    expectTurnOf('b', response);
    expect(asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
    clock.advance(5 * MINUTE);
    expect(await isServedBy(pool, 'a')).toEqual(['a']);
  });

  it('does not keep the account from serving when no other can', async () => {
    pool.fakeUpstream.account('a').answers(forbidden());
    await turn(pool);
    for (const name of ['b', 'c'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);
    expect(await isServedBy(pool, 'a')).toEqual(['a']);
  });

  it('from the only account is passed on unchanged', async () => {
    for (const name of ['b', 'c'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);
    const refusal = forbidden();
    pool.fakeUpstream.account('a').answers(refusal);
    const { response, asked } = await turn(pool);
    expect(asked).toEqual(['a']);
    expect(response).toMatchObject({ status: 403, body: refusal.body });
    expect(await isServedBy(pool, 'a')).toEqual(['a']);
  });
});
