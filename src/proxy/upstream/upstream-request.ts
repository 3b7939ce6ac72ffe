import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { RequestBody } from '../request/request-body.js';

/** Takes the place of a message's connection: an attempt has no client connection and must never touch one. */
const noConnection = new Socket();

/** How an attempt ended, up to its response head. */
export type AttemptEnd =
  | { readonly kind: 'responded'; readonly response: IncomingMessage; readonly at: number }
  | { readonly kind: 'failed'; readonly error: Error; readonly wasReused: boolean };

/** The data of one upstream request. */
export interface BuiltRequest {
  readonly method: string;
  /** Path and query, including the path of the base address. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody | null;
  /** Whether a healthy upstream sends the head of its response at once, and a repeat does no harm. */
  readonly respondsSoon: boolean;
}

/**
 * The request of one attempt, in the form that the forwarding library takes: a message with its own headers and
 * body. Each attempt gets a new one, so it shares nothing with the client's request or another attempt.
 */
export class UpstreamRequest extends IncomingMessage {
  /**
   * The library's request for it; null before it is made. Its `reusedSocket` tells a broken reused connection from a new
   * one. (Not in a WeakMap: V8's minor collections keep the values of one alive, with all that they refer to.)
   */
  onWire: ClientRequest | null = null;
  readonly #body: RequestBody | null;
  #hasStarted = false;
  #isSettled = false;

  constructor(
    plan: BuiltRequest,
    private readonly onEnd: (end: AttemptEnd) => void,
    /** Called when the connection to upstream is established, with the request on it. */
    readonly connected: (onWire: ClientRequest) => void,
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

  /** Whether the attempt has ended, up to its response head. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Settles the attempt; later calls are ignored. */
  settle(end: AttemptEnd): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.onEnd(end);
  }

  /** The library pipes the body to its request. A kept one is written at once instead, together with the head. */
  override pipe<T extends NodeJS.WritableStream>(to: T, options?: { end?: boolean }): T {
    if (this.#body?.kind === 'streaming') return super.pipe(to, options);
    if (this.#body === null || this.#body.bytes.length === 0) to.end();
    else to.end(this.#body.bytes);
    return to;
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
    done(error); // no connection has to be destroyed with it
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
