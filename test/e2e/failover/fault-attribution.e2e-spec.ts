import { describe, expect, it } from 'vitest';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { edgeBlock, overloaded } from '../../../src/fake-upstream/script/refusals.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { said } from '../../support/pool/pool-files.js';

const serverError = refuses(500, { error: { message: 'oops', type: 'server_error' } });
const ISO = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;

const trouble = async (pool: TestPool): Promise<string | null> => (await health(pool)).trouble;

async function health(pool: TestPool): Promise<{ status: string; trouble: string | null }> {
  const { body } = await pool.client.get('/healthz').expect(200);
  return { status: body.status, trouble: body.details.upstream.trouble };
}

/** The kinds of trouble that the metrics report. */
async function inMetrics(pool: TestPool): Promise<string[]> {
  const { text } = await pool.client.get('/metrics').expect(200);
  const lines = text.matchAll(/^codex_pool_upstream_trouble\{kind="([a-z-]+)"\} (\d)$/gm);
  return [...lines].filter((it) => it[2] === '1').map((it) => it[1] ?? '');
}

async function expectAllAvailable(pool: TestPool, names: readonly string[]): Promise<void> {
  for (const name of names) expect(await pool.account(name)).toMatchObject({ available: true, reason: null });
}

/** Sends turns of different sessions; returns their statuses. */
async function turns(pool: TestPool, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i += 1) statuses.push((await pool.turn({ 'session-id': `s-${i}` })).status);
  return statuses;
}

describe('an unreachable upstream', { timeout: 30_000 }, () => {
  it('is a network fault that blames no account and ends at the first response', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    expect(await health(pool)).toEqual({ status: 'up', trouble: null });
    await pool.fakeUpstream.goDown();
    for (let i = 0; i < 3; i += 1) {
      const response = await pool.turn().expect(503);
      expect(response.headers['x-codex-pool-error']).toBe('upstream_unreachable');
    }
    const offline = await health(pool);
    expect(offline.status).toBe('degraded');
    expect(offline.trouble).toMatch(new RegExp(`cannot reach upstream since ${ISO} \\(ECONNREFUSED\\)`));
    expect(offline.trouble).not.toMatch(/127\.0\.0\.1|localhost/);
    expect((await pool.client.get('/').expect(200)).text).toContain(offline.trouble);
    expect(await inMetrics(pool)).toEqual(['offline']);
    await expectAllAvailable(pool, ['a', 'b']);
    await pool.fakeUpstream.reopen();
    // Any response ends it, even a refusal.
    pool.fakeUpstream
      .account('a')
      .answers(refuses(400, { error: { message: 'no', code: 'invalid_prompt' } }));
    await pool.turn().expect(400);
    expect(await health(pool)).toEqual({ status: 'up', trouble: null });
    expect(await inMetrics(pool)).toEqual([]);
    expect(said(pool, 'upstream is in trouble')).toHaveLength(1);
    expect(said(pool, 'upstream has recovered')).toHaveLength(1);
  });

  it('is detected by polls when no turns arrive, and so is its end', async () => {
    await using pool = await TestPool.start({ prepare: (fakeUpstream) => fakeUpstream.goDown() });
    await expect.poll(async () => await trouble(pool)).toContain('(ECONNREFUSED)');
    await pool.fakeUpstream.reopen();
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await trouble(pool)).toBeNull();
  });
});

describe('a failing upstream', { timeout: 30_000 }, () => {
  it.each([
    ['500', serverError],
    ['overload', overloaded()],
  ])(
    'with %s on every account takes no account out and ends at the first success',
    async (_how, response) => {
      await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'] });
      await polled(pool);
      for (const name of ['a', 'b', 'c']) pool.fakeUpstream.account(name).always(response);
      expect(new Set(await turns(pool, 8))).toEqual(new Set([503]));
      const failing = await health(pool);
      expect(failing.status).toBe('degraded');
      expect(failing.trouble).toMatch(
        new RegExp(`Upstream itself is failing for every account, since ${ISO}`),
      );
      expect(await inMetrics(pool)).toEqual(['provider']);
      await expectAllAvailable(pool, ['a', 'b', 'c']);
      pool.fakeUpstream.account('b').always(streams());
      // The turn reaches b now or with the next one, regardless of which account comes first.
      await expect.poll(async () => (await pool.turn()).status).toBe(200);
      expect(await health(pool)).toEqual({ status: 'up', trouble: null });
    },
  );

  it('takes no account out however often polls succeed meanwhile', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(serverError);
    for (let round = 0; round < 4; round += 1) {
      expect(await turns(pool, 1)).toEqual([503]);
      expect(await inMetrics(pool)).toEqual(['provider']);
      for (const name of ['a', 'b']) await pool.client.post(`/admin/accounts/${name}/poll`).expect(200);
      expect(await inMetrics(pool)).toEqual(['provider']);
    }
    await expectAllAvailable(pool, ['a', 'b']);
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(streams());
    expect(await turns(pool, 1)).toEqual([200]);
    expect(await health(pool)).toEqual({ status: 'up', trouble: null });
  });

  it('on one account while another serves takes that account out at the third error', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    await polled(pool);
    pool.fakeUpstream.account('a').always(serverError);
    expect(await turns(pool, 2)).toEqual([200, 200]);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b', 'a', 'a', 'b']);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
    expect(await trouble(pool)).toBeNull();
    expect(await inMetrics(pool)).toEqual([]);
  });

  it('on the only account takes that account out at the third error, too', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'paused'] });
    await polled(pool);
    await pool.client.patch('/admin/accounts/paused').send({ paused: true }).expect(200);
    pool.fakeUpstream.account('a').always(serverError);
    expect(await turns(pool, 2)).toEqual([503, 429]); // the third error starts a cooldown
    expect(await trouble(pool)).toContain('Upstream itself is failing');
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
  });

  it('is reported after failed polls, before any turn sees it', async () => {
    await using pool = await TestPool.start({
      prepare: (fakeUpstream) => {
        for (const name of ['a', 'b']) fakeUpstream.account(name).usageResponses(502, 'bad gateway');
      },
    });
    await expect.poll(async () => await trouble(pool)).toContain('Upstream itself is failing');
    pool.fakeUpstream
      .account('b')
      .usage({ usedPercent: 3, windowSeconds: 604_800, resetsInSeconds: 300_000 });
    await pool.client.post('/admin/accounts/b/poll').expect(200);
    expect(await trouble(pool)).toBeNull();
  });

  it('on routes other than turns is not reported', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.on('GET', '/backend-api/wham/elsewhere', (_req, res) => void res.writeHead(500).end());
    await pool.client.get('/backend-api/wham/elsewhere').expect(500);
    expect(await trouble(pool)).toBeNull();
  });
});

describe('an edge that blocks', { timeout: 30_000 }, () => {
  it('every account is reported, takes no account out, and ends at the first success', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(edgeBlock());
    expect(await turns(pool, 3)).toEqual([503, 503, 503]);
    const blocked = await health(pool);
    expect(blocked.status).toBe('degraded');
    expect(blocked.trouble).toMatch(new RegExp(`The network edge .* since ${ISO}`));
    expect(await inMetrics(pool)).toEqual(['edge-block']);
    await expectAllAvailable(pool, ['a', 'b']);
    pool.fakeUpstream.account('a').always(streams());
    pool.fakeUpstream.account('b').always(streams());
    await pool.turn().expect(200);
    expect(await health(pool)).toEqual({ status: 'up', trouble: null });
  });

  it('one account but lets another through is not reported, even without a success', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    await polled(pool);
    pool.fakeUpstream.account('a').always(edgeBlock());
    pool.fakeUpstream.account('b').always(refuses(400, { error: { message: 'no', code: 'invalid_prompt' } }));
    expect(await turns(pool, 2)).toEqual([400, 400]);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b', 'a', 'b']);
    expect(await trouble(pool)).toBeNull();
  });
});
