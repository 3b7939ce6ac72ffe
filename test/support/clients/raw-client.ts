import { request, type IncomingHttpHeaders } from 'node:http';
import { aTurn, type TestPool } from '../pool/pool.js';

/** What a client got, to the byte. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The answer broke off before its end. */
  readonly isBroken: boolean;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly signal?: AbortSignal;
}

/** Sends bytes on a connection of their own and resolves with what came back; by default a turn. */
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
    res.on('error', () => undefined); // told by `isBroken`
    res.once('close', () => {
      const { statusCode: status = 0, headers: got } = res;
      resolve({ status, headers: got, body: Buffer.concat(chunks), isBroken: !res.complete });
    });
  });
  req.end(body);
  return promise;
}

/** A turn whose client can leave; `left` resolves when nothing more will come. */
export function leavingTurn(pool: TestPool): { leave(): void; readonly left: Promise<unknown> } {
  const gone = new AbortController();
  const left = send(pool, { signal: gone.signal }).catch(() => undefined);
  return { leave: () => gone.abort(), left };
}

/** The text pieces in an event stream. */
export function deltasIn(body: Buffer | string): string[] {
  return [...body.toString().matchAll(/"delta":"([^"]*)"/g)].map((it) => it[1] ?? '');
}
