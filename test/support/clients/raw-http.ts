import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
// Imported at load time, so that fake timers in a test do not stop the deadlines of its waits.
import { clearTimeout, setTimeout } from 'node:timers';

const DEFAULT_LIMIT_MS = 5_000;

/** A request whose path and headers are sent exactly as given. */
export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string;
  /** Address to send from, on loopback. Default: the system chooses. */
  readonly localAddress?: string;
  /** False: the response body stays unread until the test reads it from `head`. */
  readonly isRead?: boolean;
}

/** A piece of a response and its arrival time (`performance.now()`). */
export interface Piece {
  readonly at: number;
  readonly bytes: Buffer;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Whether the connection ended before the response did. */
  readonly isBroken: boolean;
}

/** One request on a new connection, and its response piece by piece as it arrives. */
export class RawExchange {
  readonly pieces: Piece[] = [];
  /** Resolves when the head of the response has arrived. */
  readonly head: Promise<IncomingMessage>;
  readonly #request: ClientRequest;
  readonly #ended: Promise<void>;
  readonly #watchers = new Set<() => void>();
  #response: IncomingMessage | null = null;

  constructor(origin: string, asked: RawRequest) {
    const { method = 'GET', path = '/', headers = {}, body, isRead = true, localAddress } = asked;
    const { hostname, port } = new URL(origin);
    const req = request({
      host: hostname,
      port,
      method,
      path,
      agent: false,
      maxHeaderSize: 512 * 1_024,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    req.maxHeadersCount = 0;
    for (const [name, value] of Object.entries(headers)) req.setHeader(name, value);
    const hasLength = req.hasHeader('content-length') || req.hasHeader('transfer-encoding');
    if (body !== undefined && !hasLength) req.setHeader('content-length', Buffer.byteLength(body));
    this.#request = req;
    const head = Promise.withResolvers<IncomingMessage>();
    const ended = Promise.withResolvers<void>();
    this.head = head.promise;
    this.#ended = ended.promise;
    this.head.catch(() => undefined); // callers that await it still get the error
    req.once('error', (error) => {
      head.reject(error);
      ended.resolve();
      this.#changed();
    });
    req.once('response', (response) => {
      this.#response = response;
      if (isRead) response.on('data', (bytes: Buffer) => this.#got(bytes));
      response.on('error', () => undefined); // reported by `complete`
      response.once('close', () => {
        ended.resolve();
        this.#changed();
      });
      head.resolve(response);
      this.#changed();
    });
    req.end(body);
  }

  get hasHead(): boolean {
    return this.#response !== null;
  }

  get body(): Buffer {
    return Buffer.concat(this.pieces.map((it) => it.bytes));
  }

  get text(): string {
    return this.body.toString('utf8');
  }

  /** The whole response. Rejects if the connection ended before its head. */
  async whole(): Promise<RawResponse> {
    const response = await this.head;
    await this.#ended;
    const { statusCode: status = 0, headers, rawHeaders, complete } = response;
    return { status, headers, rawHeaders, body: this.body, isBroken: !complete };
  }

  /** Resolves as soon as the predicate holds. Rejects after a limit (default 5 s) with an error that names `what`. */
  async until(predicate: () => boolean, what: string, limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    if (predicate()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!predicate()) return;
        clearTimeout(deadline);
        this.#watchers.delete(look);
        resolve();
      };
      const deadline = setTimeout(() => {
        this.#watchers.delete(look);
        reject(
          new Error(`timed out after ${limitMs} ms waiting for ${what}; got ${this.text.slice(-2_000)}`),
        );
      }, limitMs);
      this.#watchers.add(look);
    });
  }

  async untilText(text: string, limitMs?: number): Promise<void> {
    await this.until(() => this.text.includes(text), JSON.stringify(text), limitMs);
  }

  /** Disconnects the client. */
  leave(): void {
    this.#request.destroy();
  }

  #got(bytes: Buffer): void {
    this.pieces.push({ at: performance.now(), bytes });
    this.#changed();
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}

/** Sends a request and returns without waiting. */
export function send(origin: string, asked: RawRequest): RawExchange {
  return new RawExchange(origin, asked);
}

/** Sends a request and waits for the whole response. */
export async function call(origin: string, asked: RawRequest): Promise<RawResponse> {
  return new RawExchange(origin, asked).whole();
}

/** A turn as `RawRequest`, with this body. */
export function turnWith(
  body: Buffer | string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): RawRequest {
  return {
    method: 'POST',
    path: '/v1/responses',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body,
  };
}
