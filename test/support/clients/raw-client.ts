import { request, type IncomingHttpHeaders } from 'node:http';
import { aTurn, type TestPool } from '../pool/pool.js';

/** The bytes and headers that a client received. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the response broke off. */
  readonly isBroken: boolean;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly signal?: AbortSignal;
}

/** Sends a request (default: a turn) on a new connection and resolves with the response. */
export async function send(pool: TestPool, sent: Sent = {}): Promise<Received> {
  const { method = 'POST', path = '/v1/responses', body = JSON.stringify(aTurn()), signal } = sent;
  const { promise, resolve, reject } = Promise.withResolvers<Received>();
  const headers = { 'content-type': 'application/json', ...sent.headers };
  const options = { method, headers, agent: false, ...(signal === undefined ? {} : { signal }) };
  const req = request(pool.origin + path, options);
  req.once('error', reject);
  req.once('response', (res) => {
    const chunks: Buffer[] = [];
    res.on('data', (chunk: Buffer) => chunks.push(chunk));
    res.on('error', () => undefined); // reported by `isBroken`
    res.once('close', () => {
      const { statusCode: status = 0, headers: got } = res;
      resolve({ status, headers: got, body: Buffer.concat(chunks), isBroken: !res.complete });
    });
  });
  req.end(body);
  return promise;
}

/** Starts a turn whose client can disconnect; `left` resolves when the exchange is over. */
export function leavingTurn(pool: TestPool): { leave(): void; readonly left: Promise<unknown> } {
  const gone = new AbortController();
  const left = send(pool, { signal: gone.signal }).catch(() => undefined);
  return { leave: () => gone.abort(), left };
}

/** The text deltas in an event stream. */
export function deltasIn(body: Buffer | string): string[] {
  return [...body.toString().matchAll(/"delta":"([^"]*)"/g)].map((it) => it[1] ?? '');
}
