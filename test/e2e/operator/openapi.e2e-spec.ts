import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiDocument } from '../../../src/admin/docs/api-document.js';
import { DocumentFile } from '../../../src/admin/docs/document-file.js';
import { HealthController } from '../../../src/admin/health/health.controller.js';
import { openApiDocument, operations } from '../../../src/admin/openapi/document.js';
import { Drain } from '../../../src/runtime/drain.js';
import {
  adminToken,
  type ApiExample,
  apiExamples,
  exampleAccounts,
  routesWithToken,
} from '../../support/api/api-examples.js';
import { checkedResponse, expectMatch, operationOf } from '../../support/api/documented-api.js';
import { EventPage } from '../../support/clients/event-page.js';
import { type RawRequest, type RawResponse, send } from '../../support/clients/raw-http.js';
import { eventually } from '../../support/eventually.js';
import { TestPool } from '../../support/pool/pool.js';

const routes = Object.keys(operations);
const isGuarded = (route: string) => !/ \/(?:healthz|readyz)$|^POST \/admin\/session$/.test(route);

const folder = await mkdtemp(join(tmpdir(), 'codex-pool-openapi-'));
let document: ApiDocument;
/** Without a token. */
let open: TestPool;
let guarded: TestPool;

beforeAll(async () => {
  open = await started();
  guarded = await started({ PROXY_ADMIN_TOKEN: adminToken });
  document = openApiDocument(open.running.app);
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document));
});

afterAll(async () => {
  await open?.[Symbol.asyncDispose]();
  await guarded?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A pool that serves the document of these tests, whatever the last build wrote. */
async function started(env: Readonly<Record<string, string>> = {}): Promise<TestPool> {
  const pool = await TestPool.start({ accounts: exampleAccounts, loginPorts: [0], env });
  pool.running.app.get(DocumentFile).path = join(folder, 'openapi.json');
  return pool;
}

function requestOf(route: string, { params = {}, query, body }: ApiExample): RawRequest & { path: string } {
  const [method = '', pattern = ''] = route.split(' ');
  const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'nobody');
  return {
    method,
    path: query === undefined ? path : `${path}?${new URLSearchParams(query).toString()}`,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  };
}

/** The response; of an endless one, the head. */
async function ask(pool: TestPool, asked: RawRequest): Promise<RawResponse> {
  const exchange = send(pool.origin, asked);
  const { statusCode: status = 0, headers, rawHeaders } = await exchange.head;
  if (!headers['content-type']?.startsWith('text/event-stream')) return await exchange.whole();
  exchange.leave();
  return { status, headers, rawHeaders, body: Buffer.alloc(0), isBroken: false };
}

/** Why a response is sent again to a client that has it; null if it is not. */
async function whySentAgain(pool: TestPool, asked: RawRequest): Promise<string | null> {
  const { headers } = await ask(pool, asked);
  const { status } = await ask(pool, { ...asked, headers: { 'if-none-match': headers.etag ?? '' } });
  return status === 304 ? null : `${asked.path ?? ''} responds ${status}`;
}

/** The status and the code of a documented refusal. */
async function refusal(pool: TestPool, route: string, asked: RawRequest) {
  const response = await ask(pool, asked);
  if (response.status < 400) throw new Error(`${route} accepted ${JSON.stringify(asked)}`);
  checkedResponse(document, route, response);
  const { code, error } = JSON.parse(response.body.toString());
  return { status: response.status, code: code ?? error.code };
}

/** Every kind of wrong input that a route can get. */
function wrongInputs(route: string, right: ApiExample): [what: string, asked: RawRequest][] {
  const { parameters = [], requestBody } = operationOf(document, route);
  const asked = requestOf(route, right);
  const wrong: [string, RawRequest][] = [];
  for (const { name, in: place } of parameters) {
    if (place === 'path') wrong.push([name, requestOf(route, { ...right, params: {} })]);
    else wrong.push([name, requestOf(route, { ...right, query: { ...right.query, [name]: '' } })]);
  }
  if (requestBody === undefined) return wrong;
  const json = { 'content-type': 'application/json' };
  return [
    ...wrong,
    ['body of another shape', { ...asked, headers: json, body: '{"unknown":[1]}' }],
    ['body that ends early', { ...asked, headers: json, body: '{' }],
    ['body of another type', { ...asked, headers: { 'content-type': 'text/plain' }, body: '{}' }],
  ];
}

describe('the OpenAPI document', () => {
  it('has an entry for each route, and each entry has an example', () => {
    const documented = Object.entries(document.paths).flatMap(([path, byMethod]) =>
      Object.keys(byMethod).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.toSorted()).toEqual(routes.toSorted());
    expect(Object.keys(apiExamples).toSorted()).toEqual(routes.toSorted());
    const ids = documented.map((it) => operationOf(document, it).operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has a schema behind each reference', () => {
    const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(names.length).toBeGreaterThan(routes.length);
    for (const [, name = ''] of names) expect(document.components.schemas).toHaveProperty(name);
  });

  it('costs nothing at run time: no part of the program uses its library', () => {
    const keys = Object.values(Object.getOwnPropertyDescriptors(HealthController.prototype)).flatMap((it) =>
      Reflect.getMetadataKeys(it.value).map(String),
    );
    expect(keys).toContain('path');
    expect(keys.filter((it) => it.includes('swagger'))).toEqual([]);
  });
});

describe.each(routes)('%s', (route) => {
  it('needs the token of the operator, if there is one', async () => {
    const asked = requestOf(route, {});
    const wrong = { authorization: 'Bearer wrong' };
    for (const headers of [{}, wrong]) {
      const { status } = await ask(guarded, { ...asked, headers });
      expect(status === 401, `with ${JSON.stringify(headers)}`).toBe(isGuarded(route));
    }
    if (!isGuarded(route)) return;
    expect(await refusal(guarded, route, asked)).toEqual({ status: 401, code: 'admin_token_required' });
    const right = { authorization: `Bearer ${adminToken}` };
    expect((await ask(guarded, { ...asked, headers: right })).status).not.toBe(401);
  });

  it('refuses pages of another origin', async () => {
    const headers = { origin: 'https://evil.test' };
    const refused = await refusal(open, route, { ...requestOf(route, {}), headers });
    expect(refused).toEqual({ status: 403, code: 'foreign_origin' });
  });

  it('takes right input and refuses wrong input, as documented', async () => {
    const { responses } = operationOf(document, route);
    const pool = routesWithToken.has(route) ? guarded : open;
    for (const prepare of apiExamples[route] ?? []) {
      const example = await prepare(pool);
      for (const [what, wrong] of wrongInputs(route, example)) {
        const { status } = await refusal(pool, route, wrong);
        expect(status, `wrong ${what}`).toBeGreaterThanOrEqual(400);
        expect(status, `wrong ${what}`).toBeLessThan(500);
      }
      const asked = requestOf(route, example);
      const response = await ask(pool, asked);
      expect(response.status, `${route}: ${response.body.toString()}`).toBe(example.status ?? 200);
      checkedResponse(document, route, response);
      // A row that is written in between makes it another response.
      if (responses['304'] !== undefined) await eventually(() => whySentAgain(pool, asked), 5_000);
    }
  });
});

it('has the schemas of the events', async () => {
  using page = await EventPage.open(open.origin);
  const [first] = await page.until(1);
  await open.client.patch('/admin/accounts/a').send({ reserve: 0.5 }).expect(200);
  const [, delta] = await page.until(2);
  expect([first?.name, delta?.name]).toEqual(['snapshot', 'delta']);
  const $ref = '#/components/schemas/';
  expectMatch(document, { $ref: `${$ref}Snapshot` }, JSON.parse(first?.text ?? ''), 'snapshot');
  expectMatch(document, { $ref: `${$ref}Delta` }, JSON.parse(delta?.text ?? ''), 'delta');
});

describe('the page of the document', () => {
  it('has every operation with its codes, and runs no script', async () => {
    const { headers, body } = await ask(open, { path: '/admin/docs' });
    const html = body.toString();
    for (const route of routes) expect(html).toContain(`<code>${route}</code>`);
    expect(html).toContain('admin_token_required');
    expect(html).not.toMatch(/<script|javascript:|https?:/);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  });

  it('and the document are missing if the build has not written it', async () => {
    await using pool = await started();
    pool.running.app.get(DocumentFile).path = join(folder, 'missing.json');
    for (const route of ['GET /admin/docs', 'GET /admin/openapi.json'])
      expect(await refusal(pool, route, requestOf(route, {}))).toEqual({ status: 404, code: 'not_built' });
  });
});

it.each(['GET /healthz', 'GET /readyz', 'GET /admin/events'])(
  '%s responds as documented on a stop',
  async (route) => {
    await guarded.running.app.get(Drain).start(0);
    const headers = { authorization: `Bearer ${adminToken}` };
    const response = await ask(guarded, { ...requestOf(route, {}), headers });
    expect(response.status).toBe(503);
    checkedResponse(document, route, response);
  },
);
