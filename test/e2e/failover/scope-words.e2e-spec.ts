import { describe, expect, it } from 'vitest';
import { edgePage, modelNotFound } from '../../../src/fake-upstream/script/field-refusals.js';
import {
  overloaded,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../../src/fake-upstream/script/refusals.js';
import { failedFirst, refuses } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse, WholeResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { out, standing, startRanked, isServedBy } from '../../support/pool/ranked-accounts.js';
import { asking, codex, errorIn, everyone, turn } from '../../support/pool/scope.js';
import type { Received } from '../../support/clients/raw-client.js';

const retryAfter = ({ headers }: Received): number => Number(headers['retry-after'] ?? 0);
const messageOf = (response: Received): string => {
  const error = errorIn(response);
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
};
const withHeader = (response: WholeResponse, headers: Record<string, string>): WholeResponse => ({
  ...response,
  headers: { ...response.headers, ...headers },
});

describe('a wait of zero seconds', () => {
  it.each<[string, ScriptedResponse]>([
    ['Retry-After: 0', rateLimit(0)],
    ['a Retry-After in the past', rateLimit('Thu, 01 Jan 1970 00:00:00 GMT')],
    ['“try again in 0s”', rateLimit(undefined, 'Please try again in 0s.')],
    ['a first event that says “try again in 0 ms”', failedFirst('rate_limit_exceeded', 'try again in 0ms')],
  ])('from every account becomes a rate limit of one second: %s', async (_case, refusal) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(refusal);
    const { response, asked } = await turn(pool, { headers: codex });
    expect(asked).toEqual(['a', 'b']);
    expect(response.status).toBe(429);
    expect(response.headers).toMatchObject({
      'retry-after': '1',
      'x-codex-pool-error': 'accounts_cooling_down',
    });
    expect(errorIn(response)).toMatchObject({ type: 'rate_limited' });
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + SECOND));
    clock.advance(SECOND);
    expect(await isServedBy(pool, 'a', { headers: codex })).toEqual(['a']);
  });
});

describe('a long wait', () => {
  it.each<[string, ScriptedResponse]>([
    ['a rate limit of 61 s', rateLimit(61)],
    ['a rate limit of an hour', rateLimit(3_600)],
    ['401 after a refresh', unauthorized()],
  ])(
    'becomes a sentence with the time for Codex, and a Retry-After for others: %s',
    async (_case, refusal) => {
      await using pool = await startRanked({ clock: new FakeClock() });
      everyone(pool, () => refusal);
      await turn(pool, { headers: codex });
      const { response } = await turn(pool, { headers: codex });
      expect(response.status).toBe(400);
      expect(response.headers).not.toHaveProperty('retry-after');
      expect(messageOf(response)).toMatch(/\d{1,2}:\d{2}|\d+ (s|seconds|min|minutes|h|hours)\b/);
      const other = await turn(pool);
      expect(other.response.status).toBe(503);
      expect(retryAfter(other.response)).toBeGreaterThan(60);
    },
  );

  it('becomes a Retry-After even for Codex if it is exactly a minute', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    everyone(pool, () => rateLimit(60));
    const { response } = await turn(pool, { headers: codex });
    expect(response).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
  });

  it.each<[string, ScriptedResponse]>([
    ['404', withHeader(refuses(404, { detail: 'Not Found' }), { 'retry-after': '3600' })],
    ['400', withHeader(refuses(400, { error: { code: 'invalid_prompt' } }), { 'retry-after': '61' })],
    ['an overload of every account', withHeader(overloaded(), { 'retry-after': '300' })],
    ['a usage limit of every account', usageLimit({ headers: { 'retry-after': '3600' } })],
    ['a page of the edge', edgePage(503, { retryAfter: 3_600 })],
    [
      'a date tomorrow',
      withHeader(refuses(404, { detail: 'no' }), {
        'retry-after': new Date(Date.now() + 86_400_000).toUTCString(),
      }),
    ],
  ])('from upstream never reaches Codex: %s', async (_case, refusal) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    everyone(pool, () => refusal);
    const { response } = await turn(pool, { headers: codex });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(retryAfter(response)).toBeLessThanOrEqual(60); // false for a date
  });
});

const pausing = async (pool: TestPool, name: string) =>
  pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);

describe('the local response when no account can serve', () => {
  const accounts = ['home', 'lab', 'work'];
  it.each<[string, ScriptedResponse, RegExp]>([
    ['quota', usageLimit(), /quota|usage limit/i],
    ['a rate limit', rateLimit(30), /rate/i],
    ['a long rate limit', rateLimit(3_600), /rate/i],
    ['a 401', unauthorized(), /token|unauthorized|reject/i],
    ['402', refuses(402, { detail: { code: 'deactivated_workspace' } }), /deactivated/i],
  ])('names each account and its reason (%s and paused ones)', async (_case, refusal, reason) => {
    await using pool = await startRanked({ clock: new FakeClock(), accounts });
    await pausing(pool, 'home');
    await pausing(pool, 'lab');
    everyone(pool, () => refusal);
    for (const headers of [codex, {}]) {
      const { response } = await turn(pool, { headers });
      const message = messageOf(response);
      for (const name of accounts) expect(message).toContain(name);
      expect(message).toMatch(/paused/);
      expect(message).toMatch(reason);
    }
  });

  it('names a refusal of the model beside a rate limit', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(modelNotFound('gpt-5.5', '404 detail'));
    pool.fakeUpstream.account('b').answers(rateLimit(30));
    const message = messageOf((await turn(pool, asking('gpt-5.5'))).response);
    expect(message).toContain('a may not use this model');
    expect(message).toContain('b is rate limited');
  });

  it('names a meter’s limit, too', async () => {
    await using pool = await startRanked({ clock: new FakeClock(), accounts });
    everyone(pool, () => usageLimit({ meter: 'codex_bengalfox' }));
    const message = messageOf((await turn(pool)).response);
    for (const name of accounts) expect(message).toContain(name);
  });

  it('names the network if that is the cause', async () => {
    await using pool = await startRanked({ clock: new FakeClock(), accounts });
    await pool.fakeUpstream.goDown();
    expect(messageOf((await turn(pool, { headers: codex })).response)).toMatch(/network|reach/);
    await pool.fakeUpstream.reopen();
    everyone(pool, () => edgePage(403));
    expect(messageOf((await turn(pool, { headers: codex })).response)).toMatch(/network edge/);
  });
});
