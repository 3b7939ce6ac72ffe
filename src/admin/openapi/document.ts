import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../../runtime/version.js';
import type { ApiDocument, ApiOperation } from '../docs/api-document.js';
import { accountOperations } from './account-operations.js';
import { boundaryCodes, isGuarded, mergedProblems, sharedProblems } from './common-problems.js';
import { componentSchemas, querySchemas, refTo } from './json-schemas.js';
import { loginOperations } from './login-operations.js';
import type { Operation, Operations, ProblemCodes, ResponseDoc } from './operation.js';
import { sessionOperations } from './session-operations.js';
import { poolOperations } from './pool-operations.js';
import { programOperations } from './program-operations.js';

/** Routes of the page, which are not part of the API. */
const pageRoutes = new Set(['GET /', 'GET /dashboard', 'GET /assets/{name}']);

/** All entries of the tables. */
export const operations: Operations = {
  ...poolOperations,
  ...accountOperations,
  ...loginOperations,
  ...programOperations,
  ...sessionOperations,
};

/**
 * Returns the OpenAPI document of an application; its routes are those of Nest's router.
 * @throws Error that names the routes without an entry in the tables, and the entries without a route
 */
export function openApiDocument(app: INestApplication): ApiDocument {
  const frame = new DocumentBuilder()
    .setOpenAPIVersion('3.1.1')
    .setTitle('codex-pool')
    .setDescription(
      'The admin API. Times are epoch milliseconds; shares are 0–1. Refusals are problems (RFC 9457).',
    )
    .setVersion(VERSION)
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'PROXY_ADMIN_TOKEN, if it is set.' },
      'bearer',
    )
    .addBasicAuth(
      { type: 'http', scheme: 'basic', description: 'PROXY_ADMIN_TOKEN as the password.' },
      'basic',
    )
    .addCookieAuth(
      'codex-pool-session-8989',
      {
        type: 'apiKey',
        in: 'cookie',
        description:
          'The session of the page, after `POST /admin/session`; named after the port of the address.',
      },
      'cookie',
    )
    .build();
  const routes = routesOf(SwaggerModule.createDocument(app, frame));
  expectSame(routes, Object.keys(operations));
  const paths: ApiDocument['paths'] = {};
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ');
    const operation = operations[route];
    if (operation !== undefined)
      (paths[path] ??= {})[method.toLowerCase()] = apiOperation(method, path, operation);
  }
  return {
    ...frame,
    info: { ...frame.info },
    paths,
    components: { ...frame.components, schemas: componentSchemas() },
  };
}

function routesOf({ paths }: { readonly paths: Readonly<Record<string, object>> }): string[] {
  return Object.entries(paths)
    .flatMap(([path, byMethod]) => Object.keys(byMethod).map((it) => `${it.toUpperCase()} ${path}`))
    .filter((it) => !pageRoutes.has(it));
}

function expectSame(routes: readonly string[], entries: readonly string[]): void {
  const undocumented = routes.filter((it) => !entries.includes(it));
  const unserved = entries.filter((it) => !routes.includes(it));
  if (undocumented.length === 0 && unserved.length === 0) return;
  throw new Error(
    `The tables in src/admin/openapi do not match the routes. Without an entry: ${undocumented.join(', ') || 'none'}. Without a route: ${unserved.join(', ') || 'none'}.`,
  );
}

function apiOperation(method: string, path: string, operation: Operation): ApiOperation {
  const { id, tag, summary, body, responses, problems = {} } = operation;
  const parameters = [...pathParameters(path), ...queryParameters(operation)];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(isGuarded(method, path) ? { security: [{ bearer: [] }, { basic: [] }, { cookie: [] }, {}] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.isRequired, content: jsonContent(refTo(body.json)) } }),
    responses: {
      ...refusals(mergedProblems(problems, sharedProblems(method, path))),
      ...Object.fromEntries(Object.entries(responses).map(([status, it]) => [status, apiResponse(it)])),
    },
  };
}

function pathParameters(path: string) {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path' as const,
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Operation) {
  if (query === undefined) return [];
  return querySchemas(query.schema).map(({ name, required, schema }) => {
    const description = query.about[name];
    if (description === undefined) throw new Error(`The query parameter ${name} has no description`);
    return { name, in: 'query' as const, description, required, schema };
  });
}

function apiResponse(it: ResponseDoc): ApiOperation['responses'][string] {
  if ('json' in it) return { description: it.about, content: jsonContent(refTo(it.json)) };
  if (it.type === 'none') return { description: it.about };
  return { description: it.about, content: { [it.type]: { schema: {} } } };
}

function jsonContent(schema: Record<string, unknown>) {
  return { 'application/json': { schema } };
}

/** The refusals by status: problems, and those of the boundary, which have another shape. */
function refusals(problems: ProblemCodes): ApiOperation['responses'] {
  const statuses = Object.keys(mergedProblems(problems, boundaryCodes)).map(Number);
  return Object.fromEntries(
    statuses.map((status) => {
      const [asProblem = [], atBoundary = []] = [problems[status], boundaryCodes[status]];
      const content = {
        ...(asProblem.length === 0
          ? {}
          : { 'application/problem+json': { schema: withCode('Problem', { code: { enum: asProblem } }) } }),
        ...(atBoundary.length === 0
          ? {}
          : {
              'application/json': {
                schema: withCode('LocalError', {
                  error: { type: 'object', properties: { code: { enum: atBoundary } } },
                }),
              },
            }),
      };
      return [status, { description: [...asProblem, ...atBoundary].join(', '), content }];
    }),
  );
}

function withCode(name: string, properties: Record<string, unknown>) {
  return { allOf: [refTo(name), { type: 'object', properties }] };
}
