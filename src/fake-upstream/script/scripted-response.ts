import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LoggedRequest } from './request-log.js';
import type { TurnEvent } from './turn-events.js';

/** Header fields by lower-case name. */
export type ScriptedHeaders = Readonly<Record<string, string>>;

/** Facts about a turn that a response can depend on. */
export interface TurnFacts {
  readonly account: string;
  /** The model that the request names; null if it cannot be read. */
  readonly model: string | null;
}

/** A step of a stream. A gate delays all later steps until its promise resolves. */
export type StreamStep =
  | TurnEvent
  | { readonly comment: string }
  | { readonly bytes: Buffer }
  | { readonly gate: Promise<unknown> };

/** How a stream ends: normally (`end`), by a closed (`cut`) or reset connection, or never (`hang`). */
export type StreamEnding = 'end' | 'cut' | 'reset' | 'hang';

/** A response with server-sent events. */
export interface StreamResponse {
  readonly kind: 'stream';
  readonly steps: (facts: TurnFacts) => Iterable<StreamStep> | AsyncIterable<StreamStep>;
  readonly headers: ScriptedHeaders;
  readonly lineEnding: '\n' | '\r\n';
  readonly pauseBetweenMs: number;
  readonly ending: StreamEnding;
}

/** A whole response that is not a stream. */
export interface WholeResponse {
  readonly kind: 'whole';
  readonly status: number;
  readonly body: Buffer;
  readonly headers: ScriptedHeaders;
}

/** A handler that a test writes itself. */
export type CustomHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  logged: LoggedRequest,
) => void | Promise<void>;

/** The response to one turn. */
export type ScriptedResponse =
  | StreamResponse
  | WholeResponse
  | { readonly kind: 'drop' }
  | { readonly kind: 'wait'; readonly until: Promise<unknown>; readonly response: ScriptedResponse }
  | { readonly kind: 'by-model'; readonly choose: (model: string | null) => ScriptedResponse }
  | { readonly kind: 'custom'; readonly handle: CustomHandler };
