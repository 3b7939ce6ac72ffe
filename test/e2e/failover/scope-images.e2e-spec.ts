import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { edgePage, wrongPlace } from '../../../src/fake-upstream/script/field-refusals.js';
import { imageEvents, imageStream } from '../../../src/fake-upstream/script/images.js';
import { deactivated, forbidden, rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { framed } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { expectTurnOf, free, standing, startRanked, isServedBy } from '../../support/pool/ranked-accounts.js';
import { expectAllFree, image, inSession, startOver, turn } from '../../support/pool/scope.js';

const names = ['a', 'b', 'c'];
const clock = new FakeClock();
let pool: TestPool;
let sessions = 0;
beforeAll(async () => {
  pool = await startRanked({ clock, accounts: names });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

/** A new session that `b` serves, although `a` comes first. */
async function sessionOnB(): Promise<Record<string, string>> {
  sessions += 1;
  const session = inSession(`images-${sessions}`);
  await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
  expectTurnOf('b', (await turn(pool, { headers: session })).response);
  await pool.client.patch('/admin/accounts/a').send({ paused: false }).expect(200);
  return session;
}

const everyImage = (response: ScriptedResponse): void => {
  for (const it of names) pool.fakeUpstream.account(it).imagesAlways(response);
};

const full = {
  'x-codex-primary-used-percent': '100',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-after-seconds': '7200',
};

describe('a refused image', () => {
  it.each<[string, ScriptedResponse]>([
    ['429 usage_limit_reached', usageLimit()],
    ['429 that reports the general window as full', usageLimit({ headers: full })],
    ['429 insufficient_quota', refuses(429, { error: { code: 'insufficient_quota' } })],
    ['429 rate_limit_exceeded', rateLimit()],
    ['429 with a Retry-After', rateLimit(3_600)],
    ['a bare 429', refuses(429, '')],
    ['403 with a code', forbidden()],
    ['403 without a body', refuses(403, '')],
    ['403 in the wrong place', wrongPlace()],
    ['403 of the edge', edgePage(403)],
    ['429 of the edge', edgePage(429, { retryAfter: 3_600 })],
    ['500', refuses(500, { error: { code: 'server_error' } })],
    ['402', deactivated('payment_required')],
    ['404', refuses(404, { detail: 'Not Found' })],
  ])('on every account takes no account out and leaves the session in place: %s', async (_case, refusal) => {
    const session = await sessionOnB();
    everyImage(refusal);
    const { response } = await image(pool, session);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).not.toBe(401);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'b', { headers: session })).toEqual(['b']);
  });

  it('changes nothing, even five times in a row', async () => {
    const session = await sessionOnB();
    everyImage(refuses(500, { error: { code: 'server_error' } }));
    for (let i = 0; i < 5; i += 1) await image(pool, session);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'b', { headers: session })).toEqual(['b']);
  });

  it('on one account moves the image to another, but not the session’s turns', async () => {
    const session = await sessionOnB();
    pool.fakeUpstream.account('b').imagesAlways(usageLimit());
    const { response, asked } = await image(pool, session);
    expect(response.status).toBe(200);
    expect(asked[0]).toBe('b');
    expect(asked).toHaveLength(2);
    expect(await isServedBy(pool, 'b', { headers: session })).toEqual(['b']);
  });

  it('in a stream that begins with a keepalive is served by another', async () => {
    const limited = { type: 'error', error: { code: 'rate_limit_exceeded', message: 'no' } };
    pool.fakeUpstream.account('a').imageResponses(streams({ events: [{ type: 'keepalive' }, limited] }));
    expect(await image(pool)).toMatchObject({ response: { status: 200 }, asked: ['a', 'b'] });
  });

  it('is shown as a limit of images in the admin API', async () => {
    pool.fakeUpstream.account('a').imageResponses(rateLimit(60));
    await image(pool);
    expect(JSON.stringify(await pool.account('a'))).toContain('images');
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('on every account is not requested again before the reset', async () => {
    everyImage(usageLimit({ resetsInSeconds: 3_600 }));
    const first = await image(pool);
    expect(first.response.status).toBe(429);
    expect(first.asked.toSorted()).toEqual(names);
    const second = await image(pool);
    expect(second).toMatchObject({ response: { status: 429 }, asked: [] });
    everyImage(imageStream());
    clock.advance(HOUR);
    expect((await image(pool)).response.status).toBe(200);
  });

  it('takes the account out if the account itself is refused (account_deactivated)', async () => {
    pool.fakeUpstream.account('a').imagesAlways(refuses(403, { error: { code: 'account_deactivated' } }));
    await image(pool);
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'deactivated' });
    await pool.client.post('/admin/accounts/a/poll').expect(200);
  });
});

describe('a spent account', () => {
  it('still gets image requests while its turns are refused', async () => {
    for (const it of names) pool.fakeUpstream.account(it).answers(usageLimit());
    expect((await turn(pool)).response.status).toBe(429);
    const { response } = await image(pool);
    expect(response.status).toBe(200);
  });
});

describe('a streamed image', () => {
  const bytes = imageEvents()
    .map((it) => framed(it))
    .join('');
  it.each([
    ['with its content type', { 'content-type': 'text/event-stream; charset=utf-8' }],
    ['without a content type', {}],
  ])('is complete if it ends properly: %s', async (_case, headers) => {
    for (let i = 0; i < 4; i += 1) {
      everyImage(imageStream(headers));
      const { response, asked } = await image(pool);
      expect(asked).toEqual(['a']);
      expect(response).toMatchObject({ status: 200, isBroken: false });
      expect(response.body.toString()).toBe(bytes);
      const id = String(response.headers['x-codex-pool-request']);
      const { body } = await pool.client.get(`/admin/requests/${id}`).expect(200);
      expect(body).toMatchObject({ result: 'complete', attempts: [{ account: 'a', outcome: 'success' }] });
    }
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('is complete even if it has only its final event', async () => {
    everyImage(streams({ events: imageEvents(0) }));
    expect(await image(pool)).toMatchObject({ response: { status: 200, isBroken: false }, asked: ['a'] });
  });

  it('is not requested again if it breaks off after a preview', async () => {
    everyImage(streams({ events: imageEvents().slice(0, 1), thenCut: true }));
    const { response, asked } = await image(pool);
    expect(asked).toEqual(['a']);
    expect(response).toMatchObject({ status: 200, isBroken: true });
    await expectAllFree(pool);
  });
});
