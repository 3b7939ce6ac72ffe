import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { forgottenSchema, sessionSchema, type SessionView } from '../../../src/api/session.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { messageTurn } from '../../../src/fake-upstream/script/turn-events.js';
import { send } from '../../support/clients/raw-client.js';
import { FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { isServedBy, startRanked } from '../../support/pool/ranked-accounts.js';

const inSession = (key: string) => ({ headers: { 'session-id': key } });

const about = (session: string, project: string, model: string) => ({
  headers: {
    'session-id': session,
    'x-codex-turn-metadata': JSON.stringify({ model, workspaces: { [`/made-up/${project}`]: {} } }),
  },
});

async function sessionsOf(pool: TestPool, query = ''): Promise<SessionView[]> {
  const { body } = await pool.client.get(`/admin/affinity${query}`).expect(200);
  return z.array(sessionSchema).parse(body);
}

/** Starts a pool, and the session `s-1` on `a`. */
async function startWithSession() {
  const pool = await startRanked({ accounts: ['a', 'b', 'c'] });
  await isServedBy(pool, 'a', inSession('s-1'));
  const [session] = await sessionsOf(pool);
  if (session === undefined) throw new Error('no session');
  const path = `/admin/affinity/${session.session}`;
  const moveTo = async (account: string) =>
    sessionSchema.parse((await pool.client.put(path).send({ account }).expect(200)).body);
  return { pool, path, moveTo };
}

describe('the sessions', () => {
  it('are listed, last used first, with their accounts, in pages', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    expect(await sessionsOf(pool)).toEqual([]);
    for (const it of ['s-1', 's-2', 's-3']) {
      clock.advance(SECOND);
      await isServedBy(pool, 'a', inSession(it));
    }
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    clock.advance(SECOND);
    await isServedBy(pool, 'b', inSession('s-1'));
    const all = await sessionsOf(pool);
    expect(all.map((it) => [it.account, it.usedAt, it.movedFrom, it.movesTo])).toEqual([
      ['b', clock.now(), 'a', null],
      ['a', clock.now() - SECOND, null, null],
      ['a', clock.now() - 2 * SECOND, null, null],
    ]);
    expect(JSON.stringify(all)).not.toContain('s-1');
    expect(await sessionsOf(pool, '?account=b')).toEqual(all.slice(0, 1));
    const first = await pool.client.get('/admin/affinity?limit=2').expect(200);
    expect(first.body).toEqual(all.slice(0, 2));
    const next = /^<(.+)>; rel="next"$/.exec(first.headers['link'] ?? '')?.[1] ?? '';
    const second = await pool.client.get(next).expect(200);
    expect(second.body).toEqual(all.slice(2));
    expect(second.headers).not.toHaveProperty('link');
  });

  it('name the project and the model of their last request', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a', about('s-1', 'old-place', 'gpt-5.4'));
    await isServedBy(pool, 'a', about('s-2', 'elsewhere', 'gpt-5.5'));
    clock.advance(SECOND);
    await isServedBy(pool, 'a', about('s-1', 'star-charts', 'gpt-5.5'));
    const all = await sessionsOf(pool);
    expect(all.map((it) => it.project?.name)).toEqual(['star-charts', 'elsewhere']);
    const view = all[0];
    expect(view).toMatchObject({ model: 'gpt-5.5' });
    expect((await pool.client.get(`/admin/affinity/${view?.session}`).expect(200)).body).toEqual(view);
  });

  it('survive a restart; one of an account that has left has no name', async () => {
    const { pool } = await startWithSession();
    await using _pool = pool;
    const again = await pool.restart();
    expect(await sessionsOf(again)).toMatchObject([{ account: 'a' }]);
    await again.client.delete('/admin/accounts/a').expect(200);
    await again.client.post('/admin/reload').expect(200);
    expect(await sessionsOf(again)).toMatchObject([{ account: null }]);
    await again.running.stop();
  });
});

describe('a session that is moved', () => {
  it('goes to the chosen account at its next turn, and stays there as usual', async () => {
    const { pool, moveTo, path } = await startWithSession();
    await using _pool = pool;
    expect(await moveTo('b')).toMatchObject({ account: 'a', movesTo: 'b' });
    await isServedBy(pool, 'b', inSession('s-1'));
    const { body } = await pool.client.get(path).expect(200);
    expect(body).toMatchObject({ account: 'b', movedFrom: 'a', movesTo: null });
    await isServedBy(pool, 'b', inSession('s-1'));
    pool.fakeUpstream.account('b').answers(rateLimit(600));
    await send(pool, inSession('s-1'));
    expect(await sessionsOf(pool)).toMatchObject([{ account: 'a', movedFrom: 'b' }]); // it is not pinned
  });

  it('goes where it would go anyway if the chosen account cannot serve', async () => {
    const { pool, moveTo } = await startWithSession();
    await using _pool = pool;
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    await moveTo('b');
    await isServedBy(pool, 'a', inSession('s-1'));
    await pool.client.patch('/admin/accounts/b').send({ paused: false }).expect(200);
    await isServedBy(pool, 'a', inSession('s-1'));
    expect(await sessionsOf(pool)).toMatchObject([{ account: 'a', movesTo: null }]);
  });

  it('still moves if a turn that ran before ends on the old account', async () => {
    const { pool, moveTo } = await startWithSession();
    await using _pool = pool;
    const turn = controlled();
    pool.fakeUpstream.account('a').answers(turn.response);
    const running = send(pool, inSession('s-1'));
    await turn.started;
    await moveTo('b');
    turn.send(...messageTurn(['x']));
    turn.end();
    expect((await running).headers['x-codex-pool-account']).toBe('a');
    expect(await sessionsOf(pool)).toMatchObject([{ account: 'a', movesTo: 'b' }]);
    await isServedBy(pool, 'b', inSession('s-1'));
  });

  it('stays if it is moved to its own account', async () => {
    const { pool, moveTo } = await startWithSession();
    await using _pool = pool;
    await moveTo('b');
    expect(await moveTo('a')).toMatchObject({ movesTo: null });
    await isServedBy(pool, 'a', inSession('s-1'));
  });

  it('is shown in the log of requests as moved by the operator', async () => {
    const { pool, moveTo } = await startWithSession();
    await using _pool = pool;
    await moveTo('c');
    await isServedBy(pool, 'c', inSession('s-1'));
    const { body } = await pool.client.get('/admin/requests?limit=1').expect(200);
    expect(body).toMatchObject([{ movedFrom: 'a', attempts: [{ account: 'c', by: 'operator' }] }]);
  });
});

describe('a session that is forgotten', () => {
  it('is placed anew, also after a restart', async () => {
    const { pool, path, moveTo } = await startWithSession();
    await using _pool = pool;
    await moveTo('b');
    await isServedBy(pool, 'b', inSession('s-1'));
    const { body } = await pool.client.delete(path).expect(200);
    expect(forgottenSchema.parse(body)).toEqual({ forgotten: 1 });
    await pool.client.get(path).expect(404);
    const again = await pool.restart();
    expect(await sessionsOf(again)).toEqual([]);
    await isServedBy(again, 'a', inSession('s-1'));
    const third = await again.restart();
    expect(await sessionsOf(third)).toMatchObject([{ account: 'a', movedFrom: null }]);
    await third.running.stop();
  });

  it('may be any of one account, or of all', async () => {
    const { pool, moveTo } = await startWithSession();
    await using _pool = pool;
    await moveTo('b');
    await isServedBy(pool, 'b', inSession('s-1'));
    await isServedBy(pool, 'a', inSession('s-2'));
    await isServedBy(pool, 'a', inSession('s-3'));
    const forget = async (query: string) =>
      (await pool.client.delete(`/admin/affinity${query}`).expect(200)).body;
    expect(await forget('?account=a')).toEqual({ forgotten: 2 });
    expect(await sessionsOf(pool)).toMatchObject([{ account: 'b' }]);
    expect(await forget('')).toEqual({ forgotten: 1 });
    expect(await forget('')).toEqual({ forgotten: 0 });
  });
});

describe('a bad request about sessions', () => {
  it.each([
    ['GET', '?limit=0', undefined, 400, 'bad_query'],
    ['GET', '?limit=1001', undefined, 400, 'bad_query'],
    ['GET', '?cursor=x', undefined, 400, 'bad_query'],
    ['GET', '?acount=a', undefined, 400, 'bad_query'],
    ['DELETE', '?acount=a', undefined, 400, 'bad_query'],
    ['DELETE', '?account=nobody', undefined, 404, 'no_account'],
    ['GET', '/unknown', undefined, 404, 'unknown_session'],
    ['DELETE', '/unknown', undefined, 404, 'unknown_session'],
    ['PUT', '/unknown', { account: 'a' }, 404, 'unknown_session'],
    ['PUT', '/SESSION', { account: 'nobody' }, 404, 'no_account'],
    ['PUT', '/SESSION', { account: '<script>"\u202E' }, 404, 'no_account'],
    ['PUT', '/SESSION', {}, 400, 'bad_body'],
    ['PUT', '/SESSION', { account: 'a', more: 1 }, 400, 'bad_body'],
    ['PUT', '/SESSION', { account: 7 }, 400, 'bad_body'],
    ['PUT', '/SESSION', undefined, 400, 'bad_body'],
  ] as const)('%s %s with %j is %i %s', async (method, path, sent, status, code) => {
    const { pool } = await startWithSession();
    await using _pool = pool;
    const [session] = await sessionsOf(pool);
    const whole = `/admin/affinity${path.replace('SESSION', session?.session ?? '')}`;
    const asked = { GET: 'get', PUT: 'put', DELETE: 'delete' } as const;
    const request = pool.client[asked[method]](whole);
    const { body } = await (sent === undefined ? request : request.send(sent)).expect(status);
    expect(body).toMatchObject({ code });
    expect(await sessionsOf(pool)).toEqual([session]);
  });
});

it('a thousand sessions fill one page, and ten thousand are forgotten at once', async () => {
  const clock = new FakeClock();
  await using pool = await startRanked({ clock });
  const { SessionAffinity } = await import('../../../src/accounts/selection/session-affinity.js');
  const table = pool.running.app.get(SessionAffinity);
  const [a] = pool.registry.list();
  for (let i = 0; i < 10_500; i += 1) table.settle(`session-${i}`, a?.id ?? '');
  clock.advance(MINUTE);
  expect(await sessionsOf(pool)).toHaveLength(1_000);
  const { body } = await pool.client.delete('/admin/affinity').expect(200);
  expect(body).toEqual({ forgotten: 10_000 });
  const again = await pool.restart();
  expect(await sessionsOf(again)).toEqual([]);
  await again.running.stop();
});
