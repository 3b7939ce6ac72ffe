import { describe, expect, it } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  edgeBlock,
  forbidden,
  unauthorized,
} from '../../../src/fake-upstream/script/refusals.js';
import type { TokenFault } from '../../../src/fake-upstream/authorization/token-endpoint.js';
import { DAY, FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import {
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
} from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

/** Account `a`'s access tokens live ten days and `b`'s longer, so that only `a`'s expire in a test. */
const accounts = ['a', { name: 'b', accessTokenLifetimeSeconds: 40 * 86_400 }];
const newLogin = async (pool: TestPool): Promise<void> => {
  await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
  await pool.client.post('/admin/reload').expect(200);
};
const code = (it: string) => ({ error: { code: it, message: 'no' } });
const poll = async (pool: TestPool) => pool.client.post('/admin/accounts/a/poll').expect(200);

describe('unauthorized', () => {
  it('401 is retried on the same account with a fresh token and takes no account out', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').expireAccessToken();
    await isServedBy(pool, 'a');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    expect(pool.fakeUpstream.tokens.requests).toMatchObject([
      { account: 'a', reason: 'unauthorized_recovery' },
    ]);
    const { access_token: newest } = pool.fakeUpstream.account('a').authJson().tokens;
    expect(pool.fakeUpstream.turns()[1]?.headers.authorization).toBe(`Bearer ${newest}`);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('401 on a fresh token moves the turn to another account and takes the first one out for 5 minutes', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    expect(await movesToB(pool, [unauthorized(), unauthorized()])).toEqual(['a', 'a', 'b']);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(await standing(pool, 'a')).toEqual(out('unauthorized', clock.now() + 5 * MINUTE));
    clock.advance(5 * MINUTE - 1);
    await isServedBy(pool, 'b');
    clock.advance(1);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
  });

  it('401 on the fresh tokens of two accounts takes out the first one only, and the next turn the second', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(unauthorized());
    await send(pool);
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'unauthorized' });
    expect(await standing(pool, 'b')).toEqual(free);
    await send(pool);
    expect(await standing(pool, 'b')).toMatchObject({ available: false, reason: 'unauthorized' });
  });

  it.each<[string, (pool: TestPool) => Promise<unknown>]>([
    ['a later poll', poll],
    ['a new login', newLogin],
  ])('is ended by %s', async (_what, ends) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await movesToB(pool, [unauthorized(), unauthorized()]);
    clock.advance(SECOND);
    await ends(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
  });
});

describe('needs-login', () => {
  it.each<[string, Exclude<TokenFault, string>]>([
    ['any 401', { status: 401, body: 'no' }],
    ['400 invalid_grant', { status: 400, body: { error: 'invalid_grant' } }],
    ['refresh_token_expired', { status: 400, body: code('refresh_token_expired') }],
    ['refresh_token_reused', { status: 403, body: code('refresh_token_reused') }],
    ['refresh_token_invalidated', { status: 500, body: code('refresh_token_invalidated') }],
  ])(
    'a token endpoint that returns %s moves the turn and takes the account out until a new file',
    async (_what, refusal) => {
      const clock = new FakeClock();
      await using pool = await startRanked({ accounts, clock });
      clock.advance(10 * DAY + MINUTE);
      pool.fakeUpstream.tokens.answers(refusal);
      await isServedBy(pool, 'b');
      expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']); // upstream decides on the old token
      expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'a' }]);
      expect(await standing(pool, 'a')).toEqual(out('needs-login', null));
      clock.advance(DAY);
      await isServedBy(pool, 'b');
      expect(await standing(pool, 'a')).toEqual(out('needs-login', null));
      await newLogin(pool);
      expect(await standing(pool, 'a')).toEqual(free);
      await isServedBy(pool, 'a');
    },
  );

  it('is set after one attempt when the token is rejected and cannot be refreshed', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    pool.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    await isServedBy(pool, 'b');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('needs-login', null));
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it.each([500, 429, 403])('is never set for %i from the token endpoint', async (status) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ accounts, clock });
    clock.advance(10 * DAY + MINUTE);
    pool.fakeUpstream.tokens.answers({ status, body: { error: 'server_error' } });
    await isServedBy(pool, 'b');
    const { reason, until } = await standing(pool, 'a');
    expect(reason).not.toBe('needs-login');
    expect(until).toBe(clock.now() + 30 * SECOND);
    clock.advance(30 * SECOND);
    await isServedBy(pool, 'a');
  });
});

describe('deactivated', () => {
  it.each<[string, (pool: TestPool) => Promise<unknown>]>([
    ['a good poll', poll],
    ['a new file', newLogin],
    [
      'an imported login',
      async (pool) =>
        pool.client
          .post('/admin/accounts')
          .send({ name: 'a', auth: pool.fakeUpstream.account('a').loginAgain() })
          .expect(201),
    ],
  ])('402 moves the turn to another account and takes the first one out until %s', async (_what, ends) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    expect(await movesToB(pool, [deactivated()])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('deactivated', null));
    expect(await standing(pool, 'b')).toEqual(free);
    clock.advance(DAY);
    pool.fakeUpstream.account('a').usageResponses(403, { detail: 'no' });
    await pool.client.post('/admin/accounts/a/poll').expect(502);
    expect(await standing(pool, 'a')).toEqual(out('deactivated', null));
    await isServedBy(pool, 'b');
    pool.fakeUpstream.account('a').usage({ usedPercent: 1, windowSeconds: 18_000 });
    await ends(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
  });
});

describe('edge-block', () => {
  const pages = [
    ['403 HTML', refuses(403, '<html>no</html>', { 'content-type': 'text/html' })],
    ['403 with a Cloudflare header', edgeBlock()],
    ['403 JSON with a challenge', refuses(403, { error: { code: 'x' } }, { 'cf-mitigated': 'challenge' })],
    ['403 from Cloudflare without a body', refuses(403, '', { server: 'cloudflare' })],
  ] as const;

  it.each(pages)('%s moves the turn to one other account and takes no account out', async (_case, page) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    expect(await movesToB(pool, [page])).toEqual(['a', 'b']);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await isServedBy(pool, 'a');
  });

  it('on two accounts returns 503 upstream_blocked without trying a third', async () => {
    await using pool = await startRanked({ accounts: ['a', 'b', 'c'], clock: new FakeClock() });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(edgeBlock());
    const response = await send(pool);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(response).toMatchObject({ status: 503, headers: { 'x-codex-pool-error': 'upstream_blocked' } });
    expect(JSON.parse(response.body.toString())).toMatchObject({ error: { code: 'upstream_blocked' } });
    for (const name of ['a', 'b', 'c']) expect(await standing(pool, name)).toEqual(free);
    await isServedBy(pool, 'a');
  });
});

describe('forbidden', () => {
  it('403 JSON moves the turn, takes no account out, and lets others come first for 5 minutes', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    expect(await movesToB(pool, [forbidden()])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(free);
    clock.advance(5 * MINUTE - 1);
    await isServedBy(pool, 'b');
    clock.advance(1);
    await isServedBy(pool, 'a');
  });

  it.each<[string, (pool: TestPool) => Promise<unknown>]>([
    ['a new login', newLogin],
    [
      'a success',
      async (pool) => {
        await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
        await isServedBy(pool, 'a');
        await pool.client.patch('/admin/accounts/b').send({ paused: false }).expect(200);
      },
    ],
  ])('is forgotten after %s', async (_what, ends) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await movesToB(pool, [forbidden()]);
    clock.advance(SECOND);
    await ends(pool);
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('a');
  });

  it('does not move a session away from its account', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const session = { 'session-id': 'forbidden-1' };
    expect((await pool.turn(session)).headers['x-codex-pool-account']).toBe('a');
    await movesToB(pool, [forbidden()]);
    expect((await pool.turn(session)).headers['x-codex-pool-account']).toBe('a');
  });
});
