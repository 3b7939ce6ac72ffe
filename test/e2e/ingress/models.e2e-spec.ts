import { describe, expect, it } from 'vitest';
import { edgePage } from '../../../src/fake-upstream/script/field-refusals.js';
import type { WholeResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { FakeClock, MINUTE } from '../../support/fake-clock.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { call } from '../../support/clients/raw-http.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';

const MODELS = '/backend-api/codex/models';
const codexList = (version: string) => `/v1/models?client_version=${version}`;
const list = {
  models: [
    { slug: 'gpt-5.5', display_name: 'GPT-5.5', odd: 1.5 },
    { slug: 'gpt-6', visibility: 'hide' },
  ],
};
const ofApi = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'openai' });

async function start(options: TestPoolOptions = {}): Promise<TestPool> {
  const pool = await TestPool.start({ accounts: ['a'], ...options });
  pool.fakeUpstream.models.body = list;
  return pool;
}

function responds(pool: TestPool, { status, headers, body }: WholeResponse): void {
  pool.fakeUpstream.on('GET', MODELS, (_req, res) => void res.writeHead(status, headers).end(body));
}

const asked = (pool: TestPool) => forwarded(pool.fakeUpstream).map((it) => `${it.method} ${it.path}`);

describe('the list of models for a client that names no version', () => {
  it.each(['/v1/models', '/backend-api/codex/models', '/v1/models/', '/v1/models?limit=20&client_version='])(
    'is upstream’s, in the shape of the public API: %s',
    async (path) => {
      await using pool = await start();
      const { body, headers } = await pool.client
        .get(path)
        .expect(200)
        .expect('content-type', /^application\/json/);
      const data = [ofApi('gpt-5.5'), ofApi('gpt-6')];
      expect(body).toEqual({ object: 'list', data, models: list.models });
      expect(headers['x-codex-pool-account']).toBe('a');
      expect(asked(pool)).toEqual([`GET ${MODELS}?client_version=0.169.0`]);
    },
  );

  it('can be read page by page, as the official SDK does', async () => {
    await using pool = await start();
    const names: string[] = [];
    for await (const model of sdkPage(await fetch(`${pool.origin}/v1/models`))) names.push(model);
    expect(names).toEqual(['gpt-5.5', 'gpt-6']);
  });

  it('is fetched with the newest version that a client has been served with', async () => {
    const clock = new FakeClock();
    await using pool = await start({ clock });
    for (const version of ['0.170.2', '0.99.0', '0.170.10', 'latest', '0.170.3'])
      await pool.client.get(codexList(version));
    const before = asked(pool).length;
    await pool.client.get('/v1/models').expect(200);
    expect(asked(pool)).toHaveLength(before); // Codex 0.170.10 has been served with it
    clock.advance(6 * MINUTE);
    await pool.client.get('/v1/models').expect(200);
    expect(asked(pool).slice(before)).toEqual([`GET ${MODELS}?client_version=0.170.10`]);
  });

  it('is not fetched with a version that upstream refuses', async () => {
    await using pool = await start();
    responds(pool, refuses(400, { detail: 'unknown version' }));
    await pool.client.get(codexList('0.999.0')).expect(400);
    await pool.client.get('/v1/models').expect(400);
    expect(asked(pool).at(-1)).toBe(`GET ${MODELS}?client_version=0.169.0`);
  });

  it('shares the cache with Codex', async () => {
    await using pool = await start();
    for (let again = 0; again < 3; again += 1) {
      await pool.client.get('/v1/models').expect(200);
      expect((await pool.client.get(codexList('0.169.0')).expect(200)).body).toEqual(list);
      await pool.client.get('/v1/models/gpt-6').expect(200);
    }
    expect(asked(pool)).toHaveLength(1);
  });

  it('is served from the cache while upstream fails or refuses the account', async () => {
    const clock = new FakeClock();
    await using pool = await start({ clock });
    const { body: known } = await pool.client.get('/v1/models').expect(200);
    for (const refusal of [
      refuses(500, 'broken'),
      refuses(429, { error: { code: 'rate_limit_exceeded' } }),
      refuses(401, {}),
      refuses(403, { detail: 'no' }),
    ]) {
      clock.advance(6 * MINUTE);
      responds(pool, refusal);
      expect((await pool.client.get('/v1/models').expect(200)).body).toEqual(known);
    }
  });

  it('is empty if upstream names no models, and a local 404 if it sends no list', async () => {
    await using pool = await start();
    responds(pool, refuses(200, {}));
    expect((await pool.client.get('/v1/models').expect(200)).body.data).toEqual([]);
    await using other = await start();
    responds(other, refuses(200, 'no JSON'));
    const { body } = await other.client.get('/v1/models').expect(404);
    expect(body.error.code).toBe('models_unavailable');
  });
});

describe('a single model', () => {
  it('is read from the list', async () => {
    await using pool = await start();
    expect((await pool.client.get('/v1/models/gpt-5.5').expect(200)).body).toEqual(ofApi('gpt-5.5'));
    const versioned = '/v1/models/gpt-6?client_version=0.170.0';
    expect((await pool.client.get(versioned).expect(200)).body).toEqual(ofApi('gpt-6'));
    expect(asked(pool)).toEqual([
      `GET ${MODELS}?client_version=0.169.0`,
      `GET ${MODELS}?client_version=0.170.0`,
    ]);
  });

  it.each([
    ['gpt-7', 'gpt-7'],
    ['ft:gpt-5.5:x%20y', 'ft:gpt-5.5:x y'],
    ['a/b', 'a/b'],
    ['GPT-5.5', 'GPT-5.5'],
    ['x'.repeat(1_000), 'x'.repeat(100)],
  ])('that is not in the list is refused as by the public API', async (path, name) => {
    await using pool = await start();
    const { body, headers } = await pool.client.get(`/v1/models/${path}`).expect(404);
    expect(body.error).toEqual({
      type: 'invalid_request_error',
      code: 'model_not_found',
      param: 'model',
      message: `The pool's accounts have no model named ${name}.`,
    });
    expect(headers['x-codex-pool-error']).toBe('model_not_found');
  });
});

describe('HEAD', () => {
  it.each(['/v1/models', codexList('0.169.0'), '/v1/models/gpt-6'])(
    'is answered from the same list, without a body: %s',
    async (path) => {
      await using pool = await start();
      const { status, headers, body } = await call(pool.origin, { method: 'HEAD', path });
      expect([status, body.length]).toEqual([200, 0]);
      expect(headers['content-type']).toMatch(/^application\/json/);
      await pool.client.get(path).expect(200);
      expect(asked(pool)).toEqual([`GET ${MODELS}?client_version=0.169.0`]);
    },
  );
});

describe('other methods', () => {
  it.each([
    ['POST', '/v1/models'],
    ['DELETE', '/v1/models/gpt-6'],
  ])('%s %s gets a local 405', async (method, path) => {
    await using pool = await start();
    const { status, headers } = await call(pool.origin, { method, path });
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
    expect(asked(pool)).toEqual([]);
  });
});

describe('upstream’s own refusal to list models', () => {
  it.each<[number, object | string, Record<string, string>]>([
    [
      400,
      '{"detail": [{"msg":"Field required"}]}',
      { 'content-type': 'application/json', 'x-of': 'upstream' },
    ],
    [403, { error: { code: 'forbidden_here' } }, {}],
    [404, { detail: 'Not Found' }, {}],
    [422, 'plain words', {}],
    [429, { error: { code: 'rate_limit_exceeded' } }, { 'retry-after': '30' }],
    [402, { detail: { code: 'deactivated_workspace' } }, {}],
  ])('%i is passed on, if there is no list', async (status, body, headers) => {
    await using pool = await start();
    const refusal = refuses(status, body, headers);
    responds(pool, refusal);
    for (const path of ['/v1/models', codexList('0.169.0'), '/v1/models/gpt-6']) {
      const response = await call(pool.origin, { path });
      expect(response.status).toBe(status);
      expect(response.body.equals(refusal.body)).toBe(true);
      expect(response.headers).toMatchObject({ ...refusal.headers, 'x-codex-pool-account': 'a' });
      expect(response.headers).not.toHaveProperty('x-codex-pool-error');
    }
    expect((await pool.account('a')).available).toBe(true);
  });

  it('of the query is passed on even if a list is cached, because it is the newer word', async () => {
    const clock = new FakeClock();
    await using pool = await start({ clock });
    await pool.client.get(codexList('0.169.0')).expect(200);
    clock.advance(6 * MINUTE);
    responds(pool, refuses(400, { detail: 'too old' }));
    expect((await pool.client.get(codexList('0.169.0')).expect(400)).body).toEqual({ detail: 'too old' });
  });

  it.each<[string, WholeResponse]>([
    ['a 401', refuses(401, { detail: 'made up' })],
    ['a 401 with the code of a deactivation', refuses(401, { error: { code: 'account_deactivated' } })],
    ['a page of the edge', edgePage(403)],
    ['a 500', refuses(500, 'broken')],
  ])('is not passed on if it is %s', async (_what, refusal) => {
    await using pool = await start();
    await polled(pool);
    responds(pool, refusal);
    for (const path of ['/v1/models', codexList('0.169.0')]) {
      const { body } = await pool.client.get(path).expect(404);
      expect(body.error.code).toBe('models_unavailable');
    }
  });

  it('is passed on to Codex without a wait of more than a minute', async () => {
    await using pool = await start();
    responds(pool, refuses(429, {}, { 'retry-after': '3600' }));
    const codex = await call(pool.origin, {
      path: codexList('0.169.0'),
      headers: { originator: 'codex_exec' },
    });
    expect([codex.status, codex.headers['retry-after']]).toEqual([429, undefined]);
    const other = await call(pool.origin, { path: '/v1/models' });
    expect(other.headers['retry-after']).toBe('3600');
  });
});

/** Reads a page as the package `openai` does: the items of `data`, each with its `id`. */
async function* sdkPage(response: Response): AsyncGenerator<string> {
  const page: unknown = await response.json();
  const data: unknown = typeof page === 'object' && page !== null && 'data' in page ? page.data : null;
  if (!response.ok || !Array.isArray(data)) throw new TypeError('not a page');
  for (const item of data) {
    const { id, object }: Record<string, unknown> = item;
    if (typeof id !== 'string' || object !== 'model') throw new TypeError('not a model');
    yield id;
  }
}
