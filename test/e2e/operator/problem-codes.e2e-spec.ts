import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Drain } from '../../../src/runtime/drain.js';
import { call, type RawResponse, send } from '../../support/clients/raw-http.js';
import { PROBLEM } from '../../support/pool/admin.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const layers = z.array(
  z.object({
    route: z.object({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
  }),
);

const problem = z.object({
  type: z.literal('about:blank'),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string().regex(/^[a-z_]+$/),
});
const local = z.object({
  error: z.object({ code: z.string().regex(/^[a-z_]+$/), message: z.string().min(1) }),
});

/** The operator's routes, as the program has them: `[method, path]`. */
function routesOf(pool: TestPool): [method: string, path: string][] {
  const { router } = pool.running.app.getHttpAdapter().getInstance();
  return layers
    .parse(router.stack)
    .flatMap(({ route }) =>
      route === undefined
        ? []
        : Object.keys(route.methods).map((method): [string, string] => [method.toUpperCase(), route.path]),
    );
}

/** Returns the code of a refusal; throws if the refusal has another form. */
function codeOf({ status, headers, body }: RawResponse, what: string): string {
  const json: unknown = JSON.parse(body.toString());
  const isProblem = PROBLEM.test(headers['content-type'] ?? '');
  const asProblem = problem.safeParse(json).data;
  if (isProblem && asProblem?.status === status) return asProblem.code;
  const code = local.safeParse(json).data?.error.code;
  if (!isProblem && code !== undefined && headers['x-codex-pool-error'] === code) return code;
  throw new Error(`${what} got ${status} without a code: ${body.toString()}`);
}

type Asked = Parameters<typeof call>[1];
const json = { 'content-type': 'application/json' };
/** What is wrong with a request; the path's parameters are filled with `fill`. */
const variants: [string, Asked & { fill?: string }][] = [
  ['of an unknown account or id', {}],
  ['of a bad name', { fill: 'a%2Fb' }],
  ['of broken JSON', { headers: json, body: '{' }],
  ['of JSON of a wrong shape', { headers: json, body: '{"unknown":[1]}' }],
  ['of JSON that is no object', { headers: json, body: '7' }],
  ['of an empty list', { headers: json, body: '[]' }],
  ['of another type', { headers: { 'content-type': 'text/plain' }, body: 'text' }],
  ['of another charset', { headers: { 'content-type': 'application/json; charset=x' }, body: '{}' }],
  ['of a body that is too large', { headers: json, body: `"${'x'.repeat(1_100_000)}"` }],
  ['with a bad query', { path: '?from=x&tz=x&since=x' }],
  ['of a foreign host', { headers: { host: 'evil.test' } }],
  ['of a foreign page', { headers: { origin: 'https://evil.test' } }],
  ['of another site', { headers: { 'sec-fetch-site': 'cross-site' } }],
];

/** Sends every variant to every route; returns the refusals, by what was asked. */
async function walk(pool: TestPool): Promise<Map<string, string>> {
  const codes = new Map<string, string>();
  for (const [method, path] of routesOf(pool)) {
    for (const [what, { fill = 'nobody', path: query = '', ...asked }] of variants) {
      const filled = path.replaceAll(/:\w+/g, fill) + query;
      const exchange = send(pool.origin, { ...asked, method, path: filled });
      const { statusCode = 0 } = await exchange.head;
      const isState = filled === '/healthz' || filled === '/readyz';
      if (statusCode < 400 || isState) {
        exchange.leave(); // an event stream would not end
        continue;
      }
      const response = await exchange.whole();
      const key = `${method} ${filled} ${what}`;
      codes.set(key, codeOf(response, key));
    }
  }
  return codes;
}

describe('every refusal has a code', () => {
  it('on every route of the operator', { timeout: 60_000 }, async () => {
    await using pool = await TestPool.start({ accounts: ['a'], loginPorts: [0] });
    await polled(pool);
    const routes = routesOf(pool);
    expect(routes).toEqual(
      expect.arrayContaining([
        ['PATCH', '/admin/accounts/:name'],
        ['GET', '/metrics'],
      ]),
    );
    const codes = await walk(pool);
    expect(codes.size).toBeGreaterThan(routes.length * 4);
    expect(codes.get('GET /admin/requests/nobody of an unknown account or id')).toBe('unknown_request');
    expect(codes.get('GET /admin/accounts/nobody of an unknown account or id')).toBe('no_account');
    expect(codes.get('GET /admin/usage?from=x&tz=x&since=x with a bad query')).toBe('bad_tz');
  });

  it('without the token of the operator, and on a stop', { timeout: 60_000 }, async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_ADMIN_TOKEN: 'made-up-token' } });
    const codes = await walk(pool);
    expect(codes.get('GET /metrics of an unknown account or id')).toBe('admin_token_required');
    await pool.running.app.get(Drain).start(0);
    expect(codeOf(await call(pool.origin, { path: '/v1/models' }), 'stopping')).toBe('stopping');
  });

  it('without the database', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await rm(join(pool.folder, 'data'), { recursive: true });
    await writeFile(join(pool.folder, 'data'), 'a plain file');
    for (const path of ['/admin/usage', '/admin/accounts/a/quota'])
      expect(codeOf(await call(pool.origin, { path }), path)).toBe('database_unavailable');
  });

  it.each<[string, string, string, Record<string, string>]>([
    ['an unknown route of the operator', 'GET', '/admin/nothing', {}],
    ['another method', 'DELETE', '/admin/reload', {}],
    ['another method of the health', 'POST', '/healthz', {}],
    ['another method of the metrics', 'PUT', '/metrics', {}],
    ['an unknown route', 'GET', '/nothing', {}],
    ['a path that is not canonical', 'GET', '/admin//accounts', {}],
    ['a wrong method of a turn', 'GET', '/v1/responses', {}],
    ['a method that is never served', 'TRACE', '/v1/responses', {}],
    ['a route of the public API', 'POST', '/v1/chat/completions', {}],
    ['no WebSocket', 'GET', '/v1/responses', { connection: 'upgrade', upgrade: 'h2c' }],
    ['a login that is no placeholder', 'POST', '/oauth/token', {}],
  ])('for %s', async (what, method, path, headers) => {
    await using pool = await TestPool.start({ accounts: [], env: {} });
    const response = await call(pool.origin, { method, path, headers });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(codeOf(response, what)).not.toBe('');
  });

  it('for a wrong token of the client, and for an empty pool', async () => {
    await using pool = await TestPool.start({ accounts: [], env: { PROXY_CLIENT_TOKEN: 'made-up-token' } });
    const refused = await call(pool.origin, { method: 'POST', path: '/v1/responses', body: '{}' });
    expect(codeOf(refused, 'no token')).toBe('wrong_client_token');
    const headers = { authorization: 'Bearer made-up-token' };
    const empty = await call(pool.origin, { method: 'POST', path: '/v1/responses', body: '{}', headers });
    expect(codeOf(empty, 'an empty pool')).toBe('no_account_available');
  });
});
