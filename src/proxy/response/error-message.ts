import { isRecord } from '../../runtime/is-record.js';
import { concatChunks } from '../request/concat-chunks.js';
import { clientHeaders } from '../upstream/headers.js';
import type { PeekedResponse } from '../upstream/response-peek.js';
import type { LocalResponse } from './local-response.js';

/** A local response in the form of an upstream error message. */
export function errorMessage({ status, type, code, message, fields, headers }: LocalResponse): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: 'error',
      status,
      error: { type, code, message, ...fields },
      headers: { ...headers, 'x-codex-pool-error': code },
    }),
  );
}

/** A refusal over HTTP in the form of an upstream error message: its status, and the fields of its JSON or its text. */
export function refusalMessage({ response, head }: PeekedResponse): Buffer {
  const text = concatChunks(head).toString('utf8');
  const { statusCode: status, headers } = response;
  return Buffer.from(
    JSON.stringify({ ...fieldsIn(text), type: 'error', status, headers: clientHeaders(headers) }),
  );
}

function fieldsIn(text: string): object {
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch {
    // not JSON
  }
  return { error: { message: text.slice(0, 1_000) } };
}
