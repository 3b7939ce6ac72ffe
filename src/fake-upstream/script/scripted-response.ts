import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LoggedRequest } from './request-log.js';
import type { TurnEvent } from './turn-events.js';

/** Header fields by lower-case name. */
export type ScriptedHeaders = Readonly<Record<string, string>>;

/** What an answer may want to know of the turn it answers. */
export interface TurnFacts {
  readonly account: string;
  /** Model the request names, if it could be read. */
  readonly model: string | null;
}

/** One thing that happens in a stream. A gate holds everything after it until its promise resolves. */
export type StreamStep =
  | TurnEvent
  | { readonly comment: string }
  | { readonly bytes: Buffer }
  | { readonly gate: Promise<unknown> };

/** How a stream ends: in order; closed or reset in the middle; or not at all. */
export type StreamEnding = 'end' | 'cut' | 'reset' | 'hang';

/** A server-sent-events answer. */
export interface StreamResponse {
  readonly kind: 'stream';
  readonly steps: (facts: TurnFacts) => Iterable<StreamStep> | AsyncIterable<StreamStep>;
  readonly headers: ScriptedHeaders;
  readonly lineEnding: '\n' | '\r\n';
  readonly pauseBetweenMs: number;
  readonly ending: StreamEnding;
}

/** A whole answer that is not a stream. */
export interface WholeResponse {
  readonly kind: 'whole';
  readonly status: number;
  readonly body: Buffer;
  readonly headers: ScriptedHeaders;
}

/** Whatever a test writes by hand. */
export type CustomHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  logged: LoggedRequest,
) => void | Promise<void>;

/** What an account answers to one turn. */
export type ScriptedResponse =
  | StreamResponse
  | WholeResponse
  | { readonly kind: 'drop' }
  | { readonly kind: 'wait'; readonly until: Promise<unknown>; readonly response: ScriptedResponse }
  | { readonly kind: 'by-model'; readonly choose: (model: string | null) => ScriptedResponse }
  | { readonly kind: 'custom'; readonly handle: CustomHandler };
