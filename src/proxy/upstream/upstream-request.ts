import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestBody } from '../request/request-body.js';

/** Stands where a message has its connection: an attempt has none of its own, and must never touch the client's. */
const noConnection = new Socket();

/** How an attempt ended, as far as its answer's head. */
export type AttemptEnd =
  | { readonly kind: 'answered'; readonly response: IncomingMessage; readonly at: number }
  | { readonly kind: 'failed'; readonly error: Error; readonly wasReused: boolean };

/** What is sent to upstream in one attempt. */
export interface BuiltRequest {
  readonly method: string;
  /** Path and query, with the path of the base address. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody | null;
}

/**
 * The request of one attempt, in the form that the forwarding library takes: a message with headers and
 * body of its own. Each attempt gets a new one, so nothing of the client's request or of another attempt
 * takes part in it.
 */
export class UpstreamRequest extends IncomingMessage {
  readonly #body: RequestBody | null;
  #hasStarted = false;

  constructor(
    plan: BuiltRequest,
    /** Settles the attempt; only the first call counts. */
    readonly settle: (end: AttemptEnd) => void,
    /** Told when the connection to upstream stands. */
    readonly connected: () => void,
  ) {
    super(noConnection);
    this.method = plan.method;
    this.url = plan.url;
    this.headers = plan.headers;
    this.httpVersion = '1.1';
    this.httpVersionMajor = 1;
    this.httpVersionMinor = 1;
    this.complete = true;
    this.#body = plan.body;
  }

  override _read(): void {
    if (this.#body?.kind === 'streaming') {
      if (!this.#hasStarted) this.#stream(this.#body.head, this.#body.rest);
      else this.#body.rest.resume();
    } else if (!this.#hasStarted) {
      if (this.#body !== null && this.#body.bytes.length > 0) this.push(this.#body.bytes);
      this.push(null);
    }
    this.#hasStarted = true;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error); // there is no connection that would have to go with it
  }

  #stream(head: readonly Buffer[], rest: IncomingMessage): void {
    for (const chunk of head) this.push(chunk);
    rest.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) rest.pause();
    });
    rest.once('end', () => this.push(null));
    rest.resume();
  }
}
