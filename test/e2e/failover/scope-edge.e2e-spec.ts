import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EDGE_TEXT, edgePage, edgeRedirect } from '../../../src/fake-upstream/script/field-refusals.js';
import { edgeBlock, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import type { WholeResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectTurnOf,
  servesAs,
  standing,
  startRanked,
  isServedBy,
} from '../../support/pool/ranked-accounts.js';
import {
  codex,
  errorIn,
  everyone,
  expectAllFree,
  inSession,
  startOver,
  turn,
} from '../../support/pool/scope.js';

const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock, accounts: ['a', 'b', 'c'] });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const PAGE = '<!DOCTYPE html><html><head><title>made up</title></head><body></body></html>';
const labelled = (type: string) => ({ 'content-type': type });
/** The marks that Cloudflare puts on every response, the backend's own included. */
const passedThrough = { server: 'cloudflare', 'cf-ray': '8c0ffee8c0ffee01-AMS' };

const pages: [string, WholeResponse][] = [
  ['429 with error 1015 and a Retry-After of an hour', edgePage(429, { retryAfter: 3_600 })],
  ['429 with error 1015 as text', edgePage(429, { isText: true, retryAfter: 600 })],
  ['403', edgePage(403)],
  ['403 with error 1015 as text', edgePage(403, { isText: true })],
  ['403 with a challenge', edgeBlock()],
  ['502', edgePage(502)],
  ['503 with a Retry-After of an hour', edgePage(503, { retryAfter: 3_600 })],
  ['520', edgePage(520)],
  ['525', edgePage(525)],
  ['500 with a page', refuses(500, PAGE, labelled('text/html'))],
  ['404 with a page', refuses(404, PAGE, labelled('text/html'))],
  ['403 with a page that is called JSON', refuses(403, PAGE, labelled('application/json'))],
  ['429 with a page that is called text', refuses(429, `\n  ${PAGE}`, labelled('text/plain'))],
  ['502 with a page in lower case', refuses(502, PAGE.toLowerCase(), labelled('text/html'))],
  ['a redirect', edgeRedirect()],
  ['a permanent redirect', edgeRedirect(308)],
];

describe('a page of the edge', () => {
  it.each(pages)('from every account causes one failover and blames no account: %s', async (_case, page) => {
    everyone(pool, () => page);
    const { response, asked } = await turn(pool, { headers: codex });
    expect(asked).toEqual(['a', 'b']);
    expect(response.status).toBe(503);
    expect(response.headers['x-codex-pool-error']).toBe('upstream_blocked');
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(30);
    expect(errorIn(response)).toMatchObject({ message: expect.stringMatching(/network/) });
    await expectAllFree(pool);
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a', { headers: codex })).toEqual(['a']);
  });

  it.each(pages)('from one account moves the turn to another: %s', async (_case, page) => {
    pool.fakeUpstream.account('a').answers(page);
    const { response, asked } = await turn(pool);
    expectTurnOf('b', response);
    expect(asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
  });

  it.each([
    ['502', edgePage(502)],
    ['429', edgePage(429, { retryAfter: 3_600 })],
  ])('takes no account out, even five times in a row: %s', async (_case, page) => {
    everyone(pool, () => page);
    for (let i = 0; i < 5; i += 1) expect((await turn(pool)).response.status).toBe(503);
    await expectAllFree(pool);
    const { body } = await pool.client.get('/healthz').expect(200);
    expect(body.details.upstream.trouble).toMatch(/network edge/);
  });

  it.each([
    ['as detail', { detail: PAGE }],
    ['as error', { error: PAGE }],
    ['as the message of an error', { error: { message: PAGE } }],
    ['as the text of its error 1015', { error: { message: EDGE_TEXT } }],
  ])('with a Retry-After of an hour takes no account out, if it comes in JSON %s', async (_case, body) => {
    everyone(pool, () => refuses(429, body, { 'retry-after': '3600' }));
    expect((await turn(pool)).response.status).toBeGreaterThanOrEqual(400);
    await expectAllFree(pool);
  });

  it('causes no second attempt on the only account', async () => {
    for (const name of ['b', 'c'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);
    everyone(pool, () => edgePage(429, { retryAfter: 3_600 }));
    const { response, asked } = await turn(pool);
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(503);
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a')).toEqual(['a']);
  });

  it('moves a session for this turn only', async () => {
    const headers = inSession('edge-1');
    expect(await isServedBy(pool, 'a', { headers })).toEqual(['a']);
    everyone(pool, () => edgePage(403));
    await turn(pool, { headers });
    everyone(pool, servesAs);
    expect(await isServedBy(pool, 'a', { headers })).toEqual(['a']);
  });
});

describe('a backend response that came through the edge', () => {
  it('counts against the account if it is a usage limit', async () => {
    pool.fakeUpstream.account('a').answers(usageLimit({ headers: passedThrough }));
    expectTurnOf('b', (await turn(pool)).response);
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
  });

  it('is retried once on the same account if it is a 500', async () => {
    const error = { error: { code: 'server_error', message: 'oops' } };
    pool.fakeUpstream.account('a').answers(refuses(500, error, passedThrough));
    const { response, asked } = await turn(pool);
    expectTurnOf('a', response);
    expect(asked).toEqual(['a', 'a']);
  });

  it('is the request’s: a 400 in JSON that is called HTML', async () => {
    const error = { error: { message: 'Your input is bad' } };
    everyone(pool, () => refuses(400, error, labelled('text/html')));
    const { response, asked } = await turn(pool);
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(400);
    expect(response.body.toString()).toContain('Your input is bad');
  });

  it('is passed on if its error message merely mentions a page', async () => {
    const error = { error: { code: 'invalid_prompt', message: `${PAGE} error code: 1015` } };
    pool.fakeUpstream.account('a').answers(refuses(400, error, passedThrough));
    const { response, asked } = await turn(pool);
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(400);
  });
});
