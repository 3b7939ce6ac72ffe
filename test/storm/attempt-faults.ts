import type {
  ScriptedHeaders,
  ScriptedResponse,
  WholeResponse,
} from '../../src/fake-upstream/script/scripted-response.js';
import {
  custom,
  dropsConnection,
  failedFirst,
  refuses,
  streams,
} from '../../src/fake-upstream/script/responses.js';
import { edgePage, modelNotSupported, wrongPlace } from '../../src/fake-upstream/script/field-refusals.js';
import { edgeBlock } from '../../src/fake-upstream/script/refusals.js';
import {
  completed,
  created,
  delta,
  messageAdded,
  type TurnEvent,
} from '../../src/fake-upstream/script/turn-events.js';
import { errorOf, outputOf } from './storm-turn.js';

const statuses = [500, 502, 503, 504, 520];
const clientErrors = [404, 413, 422, 400];
const PIECES = 2;

const pick = (from: readonly number[], roll: number): number => from[Math.floor(roll * from.length)] ?? 500;

/** The body of a refusal. It contains the mark of its attempt, so that the client's copy can be traced. */
export const errorBody = (name: string, mark: string): object => ({
  error: { message: `made up ${errorOf(mark)}`, type: name, code: name },
});

/** A response whose text also contains the mark of its attempt. */
export function marked(response: WholeResponse, mark: string): WholeResponse {
  const text = response.body.toString().replace(/ (not|is) /, ` $1 ${errorOf(mark)} `);
  return { ...response, body: Buffer.from(text) };
}

const EDGE_STATUSES = [403, 502, 503, 520];

function pageOfEdge(roll: number): ScriptedResponse {
  if (roll < 0.2) return edgeBlock();
  if (roll < 0.4) return edgePage(429, { retryAfter: 3_600 });
  if (roll < 0.5) return edgePage(429, { isText: true });
  return edgePage(pick(EDGE_STATUSES, (roll - 0.5) * 2));
}

const piece = (mark: string, number: number) => delta(outputOf(mark, number));

/** A successful turn: a few events, each with the mark of its attempt. Without a content type by default. */
export function success(mark: string, headers: ScriptedHeaders = {}): ScriptedResponse {
  const pieces = Array.from({ length: PIECES }, (_, index) => piece(mark, index + 1));
  return streams({ events: [created(), messageAdded(), ...pieces, completed()], headers });
}

/** The output pieces of a complete, successful turn. */
export const completeOutput = (mark: string): string[] =>
  Array.from({ length: PIECES }, (_, index) => `${mark} ${index + 1}`);

/** Closes or resets the connection before the head of a response. */
export function dropsBeforeHead(roll: number): ScriptedResponse {
  if (roll < 0.5) return dropsConnection();
  return custom((req) => void req.socket.resetAndDestroy());
}

/** A stream that breaks off, at once or a moment later, closed or reset. */
export function breaksOff(
  kind: 'breaks before output' | 'breaks after output',
  mark: string,
  roll: number,
): ScriptedResponse {
  const events = kind === 'breaks before output' ? [created()] : [created(), messageAdded(), piece(mark, 1)];
  const how = roll % 0.5 < 0.25 ? { thenCut: true } : { thenReset: true };
  return streams({ events, ...(roll < 0.5 ? { pauseBetweenMs: 5 } : {}), ...how });
}

/** A turn that breaks off after a piece of output with this event. */
export function failsAfterOutput(mark: string, event: TurnEvent): ScriptedResponse {
  return streams({ events: [created(), messageAdded(), piece(mark, 1), event] });
}

/** Faults of a single attempt: one whole response, without consequence for the account. */
export type AttemptFault =
  | 'upstream-error'
  | 'overloaded'
  | 'overloaded as first event'
  | 'reset before the head'
  | 'closed before the head'
  | 'edge block'
  | 'forbidden'
  | 'failed with another code'
  | 'other 4xx'
  | 'wrong place'
  | 'names another model'
  | 'invalid encrypted content'
  | 'no stream'
  | 'labelled stream'
  | 'mislabelled stream'
  | 'paused';

/** Upstream's response to an attempt with this fault. */
export function attemptFault(kind: AttemptFault, mark: string, roll: number): ScriptedResponse {
  switch (kind) {
    case 'upstream-error':
      return refuses(pick(statuses, roll), errorBody('server_error', mark));
    case 'overloaded':
      return refuses(503, errorBody('server_is_overloaded', mark));
    case 'overloaded as first event':
      return failedFirst('server_is_overloaded', errorOf(mark));
    case 'reset before the head':
      return dropsBeforeHead(1);
    case 'closed before the head':
      return dropsBeforeHead(0);
    case 'edge block':
      return pageOfEdge(roll);
    case 'forbidden':
      return refuses(403, errorBody('forbidden', mark));
    case 'wrong place':
      return marked(wrongPlace(), mark);
    case 'names another model':
      return marked(modelNotSupported('gpt-image-2'), mark);
    case 'labelled stream':
      return success(mark, { 'content-type': 'text/event-stream' });
    case 'mislabelled stream':
      return success(mark, { 'content-type': 'text/plain' });
    case 'failed with another code':
      return failedFirst(roll < 0.5 ? 'server_error' : 'invalid_prompt', errorOf(mark));
    case 'other 4xx':
      return refuses(pick(clientErrors, roll), errorBody('invalid_request', mark));
    case 'invalid encrypted content':
      return refuses(400, errorBody('invalid_encrypted_content', mark));
    case 'no stream':
      return refuses(200, { id: 'made up', output: completeOutput(mark).map((it) => `<<output ${it}>>`) });
    case 'paused':
      return success(mark);
    default:
      return kind satisfies never;
  }
}
