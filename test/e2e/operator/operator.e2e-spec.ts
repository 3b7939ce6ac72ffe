import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Drain } from '../../../src/runtime/drain.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { delta } from '../../../src/fake-upstream/script/turn-events.js';
import { metric } from '../../support/clients/forwarded-requests.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';

const body = JSON.stringify(aTurn());
const usage = { input: 500, cached: 200, output: 70, reasoning: 30 };
const broken = 'broken.json';

async function metrics(pool: TestPool): Promise<string> {
  return (
    await pool.client
      .get('/metrics')
      .expect(200)
      .expect('content-type', /text\/plain/)
  ).text;
}

describe('GET /healthz', () => {
  it('is up when every account can serve', async () => {
    await using pool = await TestPool.start();
    const response = await pool.client.get('/healthz').expect(200).expect('content-type', /json/);
    expect(response.body).toMatchObject({
      status: 'up',
      details: { pool: { status: 'up', accounts: 2, available: 2, inFlight: 0, out: {} } },
      lastErrors: [],
    });
    expect(Number.isInteger(response.body.uptimeSeconds)).toBe(true);
    expect(response.body.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('is degraded, and still 200, when something is out', async () => {
    await using pool = await TestPool.start({ files: { [broken]: '{' } });
    pool.fakeUpstream.account('a').always(usageLimit());
    await pool.turn().expect(200);
    const response = await pool.client.get('/healthz').expect(200);
    const out = { a: 'quota-exhausted', broken: 'the file is not JSON' };
    expect(response.body).toMatchObject({ status: 'degraded', details: { pool: { available: 1, out } } });
  });

  it('is degraded when the pool is empty', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    expect((await pool.client.get('/healthz').expect(200)).body.status).toBe('degraded');
  });

  it('is down while the program stops, and turns are rejected with a retry after one second', async () => {
    await using pool = await TestPool.start();
    await pool.running.app.get(Drain).start(0);
    expect((await pool.client.get('/healthz').expect(503)).body.status).toBe('down');
    await pool.client.get('/readyz').expect(503);
    const response = await call(pool.origin, turnWith(body));
    expect(response).toMatchObject({ status: 503, headers: { 'retry-after': '1', connection: 'close' } });
    expect(pool.fakeUpstream.turns()).toEqual([]);
  });
});

describe('GET /readyz', () => {
  it('reports whether a turn would be served now, and why not', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const ready = await pool.client.get('/readyz').expect(200);
    expect(ready.body).toEqual({ ready: true, accounts: [{ name: 'a', reason: null, until: null }] });
    const resetsAt = Math.floor(Date.now() / 1_000) + 3_600;
    pool.fakeUpstream.account('a').always(usageLimit({ resetsAt }));
    await pool.turn().expect(429);
    const out = { name: 'a', reason: 'quota-exhausted', until: resetsAt * 1_000 };
    expect((await pool.client.get('/readyz').expect(503)).body).toEqual({ ready: false, accounts: [out] });
  });
});

describe('GET /metrics', () => {
  it('counts requests, attempts, turns and tokens', async () => {
    await using pool = await TestPool.start({ accounts: ['counted-a', 'counted-b'] });
    pool.fakeUpstream.account('counted-a').always(usageLimit());
    pool.fakeUpstream.account('counted-b').answers(streams({ usage }));
    const before = metric(await metrics(pool), 'codex_pool_requests_total', { route: 'turn', status: '2xx' });
    await pool.turn().expect(200);
    const text = await metrics(pool);
    expect(metric(text, 'codex_pool_requests_total', { route: 'turn', status: '2xx' })).toBe(before + 1);
    const attempts = (account: string, outcome: string) =>
      metric(text, 'codex_pool_attempts_total', { account, outcome });
    expect(attempts('counted-a', 'quota-exhausted')).toBe(1);
    expect(attempts('counted-b', 'success')).toBe(1);
    expect(metric(text, 'codex_pool_turns_total', { account: 'counted-b' })).toBe(1);
    for (const [kind, count] of Object.entries(usage)) {
      expect(metric(text, 'codex_pool_tokens_total', { account: 'counted-b', kind })).toBe(count);
    }
    expect(text).toMatch(/^codex_pool_account_available\{account="counted-a"\} 0$/m);
    expect(text).toMatch(/^codex_pool_account_available\{account="counted-b"\} 1$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
  });

  it('shows quota as shares, by the duration of the window', async () => {
    await using pool = await TestPool.start({
      accounts: ['q'],
      prepare: (fakeUpstream) =>
        void fakeUpstream.account('q').usage(null, { usedPercent: 25, windowSeconds: 604_800 }),
    });
    await polled(pool);
    const text = await metrics(pool);
    expect(metric(text, 'codex_pool_quota_used_ratio', { account: 'q', window_seconds: '604800' })).toBe(
      0.25,
    );
    expect(metric(text, 'codex_pool_pool_quota_used_ratio', { window_seconds: '604800' })).toBe(0.25);
    expect(text).not.toMatch(/account="q",window_seconds="18000"/);
  });

  it('and the admin API count a turn as long as it runs', async () => {
    await using pool = await TestPool.start({ accounts: ['busy'] });
    const turn = controlled();
    pool.fakeUpstream.account('busy').answers(turn.response);
    const client = send(pool.origin, turnWith(body));
    await turn.started;
    const inFlight = async () => ({
      metrics: metric(await metrics(pool), 'codex_pool_in_flight', { account: 'busy' }),
      account: (await pool.account('busy')).inFlight,
      health: (await pool.client.get('/healthz')).body.details.pool.inFlight,
    });
    expect(await inFlight()).toEqual({ metrics: 1, account: 1, health: 1 }); // nothing is committed yet
    turn.send(delta('out'));
    await client.untilText('out');
    expect(await inFlight()).toEqual({ metrics: 1, account: 1, health: 1 }); // it streams
    turn.end();
    await client.whole();
    expect(await inFlight()).toEqual({ metrics: 0, account: 0, health: 0 });
  });
});

describe('GET /admin/accounts', () => {
  it('lists each account and each broken file', async () => {
    await using pool = await TestPool.start({
      accounts: [{ name: 'a', plan: 'pro' }],
      files: { [broken]: '[]' },
    });
    await polled(pool);
    const { body: accounts } = await pool.client
      .get('/admin/accounts')
      .expect(200)
      .expect('content-type', /json/);
    expect(accounts).toHaveLength(2);
    expect(accounts[0]).toMatchObject({
      name: 'a',
      label: null,
      available: true,
      reason: null,
      until: null,
      inFlight: 0,
      plan: 'pro',
      email: 'a@example.test',
      windows: [
        { durationSeconds: 18_000, usedRatio: 0.04 },
        { durationSeconds: 604_800, usedRatio: 0.02 },
      ],
      totals: { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 },
    });
    expect(accounts[0].expiresAt).toBeGreaterThan(Date.now());
    expect(accounts[1]).toMatchObject({ name: 'broken', available: false, windows: [], inFlight: 0 });
    expect(accounts[1].reason).toMatch(/auth\.json/);
    expect((await pool.client.get('/admin/accounts/a').expect(200)).body).toMatchObject({
      name: 'a',
      plan: 'pro',
    });
  });

  it.each([
    ['GET', '/admin/accounts/unknown'],
    ['GET', '/admin/requests/nothing'],
    ['GET', '/admin/nothing'],
    ['GET', '/admin'],
    ['PUT', '/admin/accounts'],
    ['GET', '/admin/reload'],
  ])('%s %s is a problem in JSON', async (method, path) => {
    await using pool = await TestPool.start();
    const response = await call(pool.origin, { method, path });
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem: unknown = JSON.parse(response.body.toString());
    expect(problem).toMatchObject({
      status: response.status,
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect([404, 405]).toContain(response.status);
  });
});

describe('POST /admin/reload', () => {
  it('reads the folder now and reports the result for each file', async () => {
    await using pool = await TestPool.start({ accounts: ['gone', 'same', 'spoilt', 'renewed'] });
    pool.fakeUpstream.addAccount({ name: 'new' });
    await pool.writeAuth('new', pool.fakeUpstream.account('new').authJson());
    await pool.writeAuth('renewed', pool.fakeUpstream.account('renewed').loginAgain());
    await writeFile(join(pool.folder, 'pool', 'spoilt.json'), 'no JSON');
    await rm(join(pool.folder, 'pool', 'gone.json'));
    const { body: results } = await pool.client.post('/admin/reload').expect(200);
    const byName = Object.fromEntries(
      results.map((it: { name: string; result: string }) => [it.name, it.result]),
    );
    expect(byName).toEqual({
      gone: 'removed',
      new: 'added',
      renewed: 'updated',
      same: 'unchanged',
      spoilt: 'broken',
    });
    const { body: accounts } = await pool.client.get('/admin/accounts').expect(200);
    expect(accounts.map((it: { name: string }) => it.name)).toEqual(['new', 'renewed', 'same', 'spoilt']);
    expect((await pool.client.post('/admin/reload').expect(200)).body).toContainEqual(
      expect.objectContaining({ name: 'new', result: 'unchanged' }),
    );
  });

  it('does not touch accounts whose files have not changed', async () => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').always(rateLimit(300));
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    const before = await pool.client.get('/admin/accounts').expect(200);
    await pool.client.post('/admin/reload').expect(200);
    expect((await pool.client.get('/admin/accounts').expect(200)).body).toEqual(before.body);
  });
});
