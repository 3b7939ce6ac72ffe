import type { ScriptedResponse, ScriptedHeaders, StreamEnding, StreamStep } from './scripted-response.js';
import { custom } from './responses.js';

/** A step of a turn on a socket. Of a stream's steps, `bytes` is a text message; comments are not sent. */
export type SocketStep =
  | StreamStep
  | { readonly binary: Buffer }
  | { readonly ping: Buffer }
  | { readonly close: number; readonly reason: string };

/** Exactly these messages, as the response to a turn. */
export interface MessagesResponse {
  readonly kind: 'messages';
  readonly steps: readonly SocketStep[];
  readonly pauseBetweenMs: number;
  readonly ending: StreamEnding;
}

/** The response to one turn on a socket. Any HTTP response works, except a custom handler. */
export type SocketResponse = MessagesResponse | ScriptedResponse;

/** Acceptance of a handshake. */
export interface AcceptResponse {
  readonly kind: 'accept';
  /** Added to the header fields of every turn of the account. */
  readonly headers: ScriptedHeaders;
  readonly until: Promise<unknown>;
  /** The subprotocol to choose if the client offers it; null: none. */
  readonly subprotocol: string | null;
}

/** The response to a handshake. */
export type HandshakeResponse = AcceptResponse | ScriptedResponse;

/** Accepts a handshake; with `after`, once that promise has resolved. */
export function accepts(
  options: { headers?: ScriptedHeaders; after?: Promise<unknown>; subprotocol?: string } = {},
): AcceptResponse {
  const { headers = {}, after: until = Promise.resolve(), subprotocol = null } = options;
  return { kind: 'accept', headers, until, subprotocol };
}

/** Resets the connection instead of responding. */
export function resetsConnection(): ScriptedResponse {
  return custom((req) => void req.socket.resetAndDestroy());
}

/** A turn of exactly these steps; the socket stays open afterwards. */
export function messages(...steps: readonly SocketStep[]): MessagesResponse {
  return messagesThen('end', ...steps);
}

/** Like `messages`, but then the connection is cut or reset, or goes silent. */
export function messagesThen(ending: StreamEnding, ...steps: readonly SocketStep[]): MessagesResponse {
  return { kind: 'messages', steps, pauseBetweenMs: 0, ending };
}

/** Like `messages`, with a pause between each two. */
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

/** The scripted behaviour of a made-up account on WebSockets. */
export class SocketScript {
  /** Whether permessage-deflate is accepted when offered. */
  deflates = true;
  /** Whether a `previous_response_id` that this socket has not issued is refused. */
  knowsItsResponses = true;
  /** Whether turns on one socket are served concurrently. The real backend serves one after the other. */
  interleaves = false;
  /** Whether sockets on paths other than that of turns send each message back. */
  echoes = true;
  readonly #handshakes: HandshakeResponse[] = [];
  readonly #responses: SocketResponse[] = [];
  readonly #prewarms: SocketResponse[] = [];
  readonly #sideHandshakes: HandshakeResponse[] = [];
  #handshakesAlways: HandshakeResponse = accepts();
  #always: SocketResponse | null = null;

  /** Queues responses to handshakes; each serves one handshake. */
  handshakes(...responses: HandshakeResponse[]): this {
    this.#handshakes.push(...responses);
    return this;
  }

  /** Queues responses to handshakes on paths other than that of turns. When none is left, they are accepted. */
  sideHandshakes(...responses: HandshakeResponse[]): this {
    this.#sideHandshakes.push(...responses);
    return this;
  }

  /** Sets the response to a handshake when none is queued. Default: accept. */
  handshakesAlways(response: HandshakeResponse): this {
    this.#handshakesAlways = response;
    return this;
  }

  /** Queues responses to turns on sockets. When none is left, the account's response to any turn applies. */
  answers(...responses: SocketResponse[]): this {
    this.#responses.push(...responses);
    return this;
  }

  /** Sets the response to a turn on a socket when none is queued; null: the account's response to any turn. */
  always(response: SocketResponse | null): this {
    this.#always = response;
    return this;
  }

  /** Queues responses to prewarms (`generate: false`). By default a prewarm is created and completed. */
  prewarms(...responses: SocketResponse[]): this {
    this.#prewarms.push(...responses);
    return this;
  }

  /** Takes the next response to a handshake. Only the fake upstream calls this. */
  nextHandshake(): HandshakeResponse {
    return this.#handshakes.shift() ?? this.#handshakesAlways;
  }

  /** Takes the next response to a handshake on another path. Only the fake upstream calls this. */
  nextSideHandshake(): HandshakeResponse {
    return this.#sideHandshakes.shift() ?? accepts();
  }

  /** Takes the next response to a turn on a socket; null if none is scripted. Only the fake upstream calls this. */
  nextResponse(): SocketResponse | null {
    return this.#responses.shift() ?? this.#always;
  }

  /** Takes the next response to a prewarm; null for the default. Only the fake upstream calls this. */
  nextPrewarm(): SocketResponse | null {
    return this.#prewarms.shift() ?? null;
  }
}
