import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requestSchema } from '../../../src/api/request.js';
import { limits } from '../../../src/config/limits.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { insertRows } from '../../../src/storage/statements.js';
import { Database } from '../../../src/storage/database.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { recordRow } from '../../support/disk/usage-rows.js';
import { HOUR } from '../../support/fake-clock.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { TestPool } from '../../support/pool/pool.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };

function turnOf(session: string, model: string, folder: string): Record<string, string> {
  const workspaces = { [`/home/user/${folder}`]: {} };
  return { 'session-id': session, 'x-codex-turn-metadata': JSON.stringify({ model, workspaces }) };
}

const idsOf = (body: readonly { id: string }[]): string[] => body.map((it) => it.id);

/** Follows the links of a list; each page has `limit` requests at most. */
async function allPages(pool: TestPool, path: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | null = path; next !== null && pages.length < 20;) {
    const response: { body: { id: string }[]; headers: Partial<Record<string, string>> } = await pool.client
      .get(next)
      .expect(200);
    pages.push(idsOf(response.body));
    next = /<([^>]+)>; rel="next"/.exec(response.headers['link'] ?? '')?.[1] ?? null;
  }
  return pages;
}

describe('the list of requests', () => {
  it('can be filtered by account, session, outcome, model, project and time', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const ids: string[] = [];
    for (const [session, model, folder] of [
      ['s1', 'gpt-1', 'api'],
      ['s2', 'gpt-2', 'page'],
    ] as const) {
      const { headers } = await pool.turn(turnOf(session, model, folder)).expect(200);
      ids.push(String(headers['x-codex-pool-request']));
    }
    pool.fakeUpstream.account('a').answers(usageLimit());
    const { headers } = await pool.turn(turnOf('s1', 'gpt-2', 'api')).expect(200);
    ids.push(String(headers['x-codex-pool-request']));
    const [first, second, third] = ids;
    const { body: one } = await pool.client.get(`/admin/requests/${first}`).expect(200);
    const list = async (query: string) =>
      idsOf((await pool.client.get(`/admin/requests?${query}`).expect(200)).body);
    expect(await list('')).toEqual([third, second, first]);
    expect(await list('account=a')).toEqual([second, first]);
    expect(await list('account=b')).toEqual([third]);
    expect(await list(`session=${one.session}`)).toEqual([third, first]);
    expect(await list('outcome=complete')).toEqual([third, second, first]);
    expect(await list('outcome=quota-exhausted')).toEqual([third]);
    expect(await list('model=gpt-2')).toEqual([third, second]);
    expect(await list('model=gpt-2&project=api')).toEqual([third]);
    expect(await list(`project=${one.project.hash}`)).toEqual([third, first]);
    expect(await list(`to=${one.at}`)).toEqual([]);
    expect(await list(`from=${one.at}&to=2999-01-01`)).toEqual([third, second, first]);
    expect(await list('from=2999-01-01')).toEqual([]);
  });

  it('comes in pages, each request on one of them, also while new ones arrive', async () => {
    await using pool = await TestPool.start();
    for (let i = 0; i < 5; i += 1) await pool.turn({ 'session-id': `s${i}` }).expect(200);
    const { body } = await pool.client.get('/admin/requests').expect(200);
    const pages = await allPages(pool, '/admin/requests?limit=2');
    expect(pages.map((it) => it.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(idsOf(body));
    const { headers } = await pool.client.get('/admin/requests?limit=2').expect(200);
    const next = /<([^>]+)>/.exec(String(headers['link']))?.[1] ?? '';
    await pool.turn({ 'session-id': 'later' }).expect(200);
    expect(idsOf((await pool.client.get(next).expect(200)).body)).toEqual(pages[1]);
  });

  it('continues with older turns in short form, in the database', async () => {
    const first = await TestPool.start({ env: fillFirst });
    const usage = { input: 10, cached: 4, output: 3, reasoning: 2 };
    first.fakeUpstream.account('a').answers(streams({ usage }), usageLimit());
    const ids: string[] = [];
    for (const model of ['gpt-1', 'gpt-2', 'gpt-3']) {
      const { headers } = await first.turn(turnOf('s', model, 'api')).expect(200);
      ids.unshift(String(headers['x-codex-pool-request']));
    }
    const [third, second] = (await first.client.get('/admin/requests').expect(200)).body;
    await using pool = await first.restart();
    const { headers } = await pool.turn(turnOf('s', 'gpt-4', 'api')).expect(200);
    ids.unshift(String(headers['x-codex-pool-request']));
    expect((await allPages(pool, '/admin/requests?limit=1')).flat()).toEqual(ids);
    expect(await allPages(pool, '/admin/requests?limit=2')).toEqual([ids.slice(0, 2), ids.slice(2)]);
    expect(await allPages(pool, '/admin/requests')).toEqual([ids]);
    const { body } = await pool.client.get('/admin/requests').expect(200);
    expect(body.map((it: { detail: string }) => it.detail)).toEqual(['full', 'short', 'short', 'short']);
    for (const it of body) requestSchema.strict().parse(it);
    const attempts = [{ ...third.attempts[0], startedAt: third.at }];
    expect(body[1]).toEqual({ ...third, attempts, candidates: [], detail: 'short' });
    expect(body[2]).toMatchObject({
      account: 'b',
      movedFrom: 'a',
      firstRefusal: 'a: quota-exhausted',
      attempts: [{ account: 'b', by: second.attempts[1].by, outcome: 'success', status: 200 }],
      project: { name: 'api' },
    });
    expect(body[3].tokens).toEqual(usage);
    const one = await pool.client.get(`/admin/requests/${ids[2]}`).expect(200);
    expect(one.body).toEqual(body[2]);
    for (const [query, expected] of [
      ['account=b', ids.slice(0, 3)],
      ['account=a', ids.slice(3)],
      [`session=${second.session}`, ids],
      ['outcome=success', ids],
      ['outcome=cut', []],
      ['model=gpt-2', [ids[2]]],
      ['project=api', ids],
      ['project=other', []],
      [`project=${second.project.hash}&from=${body[2].at}`, ids.slice(0, 3)],
      [`to=${body[2].at}`, ids.slice(3)],
    ] as const) {
      expect([query, ...(await allPages(pool, `/admin/requests?${query}&limit=1`)).flat()]).toEqual([
        query,
        ...expected,
      ]);
    }
  });

  it('looks through a bounded number of turns for a page, and says where it stopped', async () => {
    await using pool = await TestPool.start();
    const at = Date.now() - HOUR;
    const count = limits.scannedTurns + 10;
    await pool.running.app.get(Database).run(async (manager) => {
      await insertRows(
        manager,
        UsageRecord,
        Array.from({ length: count }, (_, n) =>
          Object.assign(recordRow(`turn-${n}`, at - n), { model: n === count - 1 ? 'rare' : 'usual' }),
        ),
      );
    });
    expect(await allPages(pool, '/admin/requests?model=rare')).toEqual([[], [`turn-${count - 1}`]]);
    expect(await allPages(pool, '/admin/requests?model=none')).toEqual([[], []]);
  });

  it('has the recent ones while the database cannot be read, and says so', async () => {
    await using pool = await TestPool.start();
    await pool.turn({ 'session-id': 's' }).expect(200);
    const before = await pool.client.get('/admin/requests').expect(200);
    expect(before.headers['x-codex-pool-warning']).toBeUndefined();
    const file = join(pool.folder, 'data', 'proxy.db');
    await rename(file, `${file}.moved`);
    await mkdir(file);
    const { body, headers } = await pool.client.get('/admin/requests').expect(200);
    expect(idsOf(body)).toEqual(idsOf(before.body));
    expect(headers['x-codex-pool-warning']).toMatch(/older requests are missing/);
    expect(headers['link']).toBeUndefined();
    await pool.client.get('/admin/requests/unknown').expect(404);
  });

  it('is not sent again to a client that has it', async () => {
    await using pool = await TestPool.start();
    await pool.turn().expect(200);
    const { headers } = await pool.client.get('/admin/requests').expect(200);
    const known = { 'if-none-match': String(headers['etag']) };
    const again = async () => (await pool.client.get('/admin/requests').set(known)).status;
    expect(await again()).toBe(304);
    await pool.turn().expect(200);
    expect(await again()).toBe(200);
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=many',
    'cursor=nonsense',
    'from=soon',
    'account=',
    'account=a&account=b',
    `model=${'x'.repeat(201)}`,
  ])('refuses %s', async (query) => {
    await using pool = await TestPool.start();
    const { body } = await pool.client
      .get(`/admin/requests?${query}`)
      .expect(400)
      .expect('content-type', /problem/);
    expect(body).toMatchObject({
      code: 'bad_query',
      detail: expect.stringContaining(query.split('=')[0] ?? ''),
    });
  });
});
