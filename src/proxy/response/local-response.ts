import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { isSilentWait } from './client-head.js';

/** A response made by the proxy itself, in the shape that Codex reads (docs/protocol.md, errors). */
export interface LocalResponse {
  readonly status: number;
  /** Stable code; also sent in the header `x-codex-pool-error`. */
  readonly code: string;
  readonly type: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Additional fields of the error object. */
  readonly fields?: Readonly<Record<string, string | number | null>>;
}

/** Sends the response unless a head was already sent. */
export function sendLocalResponse(res: ServerResponse, refusal: LocalResponse): void {
  if (res.headersSent || res.destroyed) return;
  const { code, type, message, fields } = refusal;
  sendJson(
    res,
    refusal.status,
    { error: { type, code, message, ...fields } },
    {
      ...refusal.headers,
      'x-codex-pool-error': code,
    },
  );
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  const text = Buffer.from(JSON.stringify(body));
  const head: OutgoingHttpHeaders = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
    ...headers,
  };
  if (isSilentWait(head['retry-after'], res.req.headers, Date.now())) delete head['retry-after'];
  res.writeHead(status, head);
  res.end(text);
}

/** The response to a request in whose handling the program failed. */
export const internalError: LocalResponse = {
  status: 500,
  code: 'internal_error',
  type: 'internal_error',
  message: 'Internal error in codex-pool; see its log.',
  headers: { connection: 'close' },
};

export const notFound: LocalResponse = {
  status: 404,
  code: 'unknown_route',
  type: 'not_found',
  message: 'codex-pool neither serves nor forwards this path.',
};
