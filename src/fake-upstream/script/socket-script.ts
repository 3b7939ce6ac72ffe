import type { ScriptedResponse, ScriptedHeaders, StreamEnding, StreamStep } from './scripted-response.js';
import { custom } from './responses.js';

/** One thing that happens on a socket in a turn. Of a stream's steps `bytes` are a text message; comments do not exist. */
export type SocketStep =
  | StreamStep
  | { readonly binary: Buffer }
  | { readonly ping: Buffer }
  | { readonly close: number; readonly reason: string };

/** Exactly these messages. */
export interface MessagesResponse {
  readonly kind: 'messages';
  readonly steps: readonly SocketStep[];
  readonly pauseBetweenMs: number;
  readonly ending: StreamEnding;
}

/** What an account answers to one turn on a socket; of the answers over HTTP all will do but those by hand. */
export type SocketResponse = MessagesResponse | ScriptedResponse;

/** A handshake that is accepted. */
export interface AcceptResponse {
  readonly kind: 'accept';
  /** Beside the header fields that go with every turn of the account. */
  readonly headers: ScriptedHeaders;
  readonly until: Promise<unknown>;
}

/** What an account answers to a handshake. */
export type HandshakeResponse = AcceptResponse | ScriptedResponse;

/** Accepts a handshake, when told only after a promise has resolved. */
export function accepts(
  options: { headers?: ScriptedHeaders; after?: Promise<unknown> } = {},
): AcceptResponse {
  return { kind: 'accept', headers: options.headers ?? {}, until: options.after ?? Promise.resolve() };
}

/** Resets the connection instead of an answer. */
export function resetsConnection(): ScriptedResponse {
  return custom((req) => void req.socket.resetAndDestroy());
}

/** A turn of exactly these steps, and then its end; the socket stays open. */
export function messages(...steps: readonly SocketStep[]): MessagesResponse {
  return messagesThen('end', ...steps);
}

/** As `messages`, and then the connection is cut or reset, or nothing comes any more. */
export function messagesThen(ending: StreamEnding, ...steps: readonly SocketStep[]): MessagesResponse {
  return { kind: 'messages', steps, pauseBetweenMs: 0, ending };
}

/** As `messages`, with a pause between any two of them. */
export function slowMessages(pauseBetweenMs: number, ...steps: readonly SocketStep[]): MessagesResponse {
  return { ...messages(...steps), pauseBetweenMs };
}

/** A close frame with this code and reason. */
export function closes(close: number, reason = ''): SocketStep {
  return { close, reason };
}

/** A binary message. */
export function binary(bytes: Buffer): SocketStep {
  return { binary: bytes };
}

/** What one made-up account answers on WebSockets. */
export class SocketScript {
  /** Whether permessage-deflate is agreed to when it is offered. */
  deflates = true;
  /** Whether a `previous_response_id` that the socket has not issued is refused. */
  knowsItsResponses = true;
  /** Whether turns on one socket are answered all at once; the real backend answers one after the other. */
  interleaves = false;
  readonly #handshakes: HandshakeResponse[] = [];
  readonly #responses: SocketResponse[] = [];
  readonly #prewarms: SocketResponse[] = [];
  #handshakesAlways: HandshakeResponse = accepts();
  #always: SocketResponse | null = null;

  /** Queues answers to handshakes, each for one. */
  handshakes(...responses: HandshakeResponse[]): this {
    this.#handshakes.push(...responses);
    return this;
  }

  /** What is answered to a handshake when nothing is queued; by default it is accepted. */
  handshakesAlways(response: HandshakeResponse): this {
    this.#handshakesAlways = response;
    return this;
  }

  /** Queues answers to turns on sockets alone; when there are none, it is the next answer to turns of any kind. */
  answers(...responses: SocketResponse[]): this {
    this.#responses.push(...responses);
    return this;
  }

  /** What is answered to a turn on a socket when nothing is queued; null: what is answered to turns of any kind. */
  always(response: SocketResponse | null): this {
    this.#always = response;
    return this;
  }

  /** Queues answers to prewarms (`generate: false`); with none queued, they are created and completed. */
  prewarms(...responses: SocketResponse[]): this {
    this.#prewarms.push(...responses);
    return this;
  }

  /** The next answer to a handshake; called by the fake upstream alone. */
  nextHandshake(): HandshakeResponse {
    return this.#handshakes.shift() ?? this.#handshakesAlways;
  }

  /** The next answer to a turn, null if the script has none of its own; called by the fake upstream alone. */
  nextResponse(): SocketResponse | null {
    return this.#responses.shift() ?? this.#always;
  }

  /** The next answer to a prewarm, null if it is the usual one; called by the fake upstream alone. */
  nextPrewarm(): SocketResponse | null {
    return this.#prewarms.shift() ?? null;
  }
}
