import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from '../../runtime/is-record.js';
import { concatChunks } from '../request/concat-chunks.js';
import { clientHeaders } from '../upstream/headers.js';
import type { PeekedResponse } from '../upstream/response-peek.js';
import { isSilentWait } from './client-head.js';
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
export function refusalMessage({ response, head }: PeekedResponse, client: IncomingHttpHeaders): Buffer {
  const text = concatChunks(head).toString('utf8');
  const { statusCode: status } = response;
  const headers = clientHeaders(response.headers);
  if (isSilentWait(headers['retry-after'], client, Date.now())) delete headers['retry-after'];
  return Buffer.from(JSON.stringify({ ...fieldsIn(text), type: 'error', status, headers }));
}

/** The message unchanged, or without a `Retry-After` that must not reach this client, as over HTTP (`isSilentWait`). */
export function withoutSilentWait(message: Buffer, client: IncomingHttpHeaders): Buffer {
  const fields = fieldsIn(message.toString('utf8'));
  const headers = 'headers' in fields && isRecord(fields.headers) ? fields.headers : {};
  const silent = Object.keys(headers).filter(
    (it) => it.toLowerCase() === 'retry-after' && isSilentWait(String(headers[it]), client, Date.now()),
  );
  if (silent.length === 0) return message;
  const others = Object.entries(headers).filter(([name]) => !silent.includes(name));
  return Buffer.from(JSON.stringify({ ...fields, headers: Object.fromEntries(others) }));
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
