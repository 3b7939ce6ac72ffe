import type { IncomingHttpHeaders } from 'node:http';
import { type ClientRequest, type ClientResponse, nameOf, REASONING } from './storm-turn.js';

/** Length of the beginning of a body that is kept. */
const TEXT_CHARACTERS = 600;

/**
 * The input of a request: another account's reasoning, and the name by which upstream knows the request. A continuation
 * has only the new item.
 */
export function inputOf({ session, turn, number, isContinuing }: ClientRequest): readonly object[] {
  const reasoning = { type: 'reasoning', encrypted_content: `${REASONING} of ${session}`, summary: [] };
  const message = { role: 'user', content: nameOf(turn, number) };
  return isContinuing ? [message] : [reasoning, message];
}

/** A response as the client received it. Times are epoch ms. */
interface ReceivedResponse {
  /** Null if the connection ended before anything arrived. */
  readonly status: number | null;
  readonly at: number;
  readonly text: string;
  readonly headers?: IncomingHttpHeaders;
  readonly isComplete?: boolean;
  readonly isBroken?: boolean;
  readonly closeCode?: number | null;
}

/** The client's view of a received response, over HTTP or a WebSocket. */
export function responseOf(received: ReceivedResponse): ClientResponse {
  const {
    status,
    at,
    text,
    headers = {},
    isComplete = false,
    isBroken = status === null,
    closeCode = null,
  } = received;
  const retryAfter = headerOf(headers, 'retry-after');
  return {
    status,
    at,
    endedAt: Date.now(),
    retryAfterMs: retryAfter === null ? null : Number(retryAfter) * 1_000,
    poolError: headerOf(headers, 'x-codex-pool-error'),
    id: headerOf(headers, 'x-codex-pool-request'),
    account: headerOf(headers, 'x-codex-pool-account'),
    output: status === null ? [] : marks(text, 'output'),
    errors: status === null ? [] : marks(text, 'error'),
    isComplete,
    isBroken,
    closeCode,
    text: text.slice(0, TEXT_CHARACTERS),
  };
}

function marks(body: string, kind: 'output' | 'error'): string[] {
  return [...body.matchAll(new RegExp(`<<${kind} ([^>]+)>>`, 'g'))].map((it) => it[1] ?? '');
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}
