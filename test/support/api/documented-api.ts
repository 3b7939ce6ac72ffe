import { z } from 'zod';
import type { ApiDocument, ApiOperation, ApiSchema } from '../../../src/admin/docs/api-document.js';
import type { RawResponse } from '../clients/raw-http.js';

/** Returns the operation of a route such as `GET /admin/accounts`. */
export function operationOf({ paths }: ApiDocument, route: string): ApiOperation {
  const [method = '', path = ''] = route.split(' ');
  const operation = paths[path]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`${route} is not in the document`);
  return operation;
}

/**
 * Checks a response against the document: its status, its media type and its body, in which a field that the document
 * does not name is an error. Returns the body; null if it is not JSON.
 */
export function checkedResponse(document: ApiDocument, route: string, response: RawResponse): unknown {
  const { status, headers } = response;
  const documented = operationOf(document, route).responses[String(status)];
  const text = response.body.toString();
  if (documented === undefined) throw new Error(`${route}: ${status} is not documented: ${text}`);
  const type = (headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  const schema = documented.content?.[type]?.schema;
  if (documented.content === undefined && text === '') return null;
  if (schema === undefined) throw new Error(`${route}: ${type} is not documented for ${status}: ${text}`);
  if (!type.endsWith('json')) return null;
  const body: unknown = JSON.parse(text);
  expectMatch(document, schema, body, `${route} ${status}`);
  return body;
}

/** Throws unless a value has exactly the fields that a schema of the document names, with their types. */
export function expectMatch(document: ApiDocument, schema: ApiSchema, value: unknown, what: string): void {
  const whole = { ...schema, $defs: document.components.schemas };
  const parsed = z.fromJSONSchema(strict(relocated(whole))).safeParse(value);
  if (!parsed.success)
    throw new Error(`${what} does not match the document: ${z.prettifyError(parsed.error)}`);
}

/** Moves the references to where JSON Schema expects them. */
function relocated(schema: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/'));
}

/** Forbids all fields that are not named, except where a schema allows them and in the parts of an `allOf`. */
function strict(schema: Record<string, unknown>, isPart = false): Record<string, unknown> {
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, strictValue(value, isPart || key === 'allOf')]),
  );
  const isClosed = !isPart && schema['type'] === 'object' && 'properties' in schema;
  return isClosed && !('additionalProperties' in schema) ? { ...inner, additionalProperties: false } : inner;
}

function strictValue(value: unknown, isPart: boolean): unknown {
  if (Array.isArray(value)) return value.map((it) => strictValue(it, isPart));
  return typeof value === 'object' && value !== null ? strict({ ...value }, isPart) : value;
}
