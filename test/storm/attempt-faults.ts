import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import {
  custom,
  dropsConnection,
  failedFirst,
  refuses,
  streams,
} from '../../src/fake-upstream/script/responses.js';
import { edgeBlock } from '../../src/fake-upstream/script/refusals.js';
import { completed, created, delta, messageAdded } from '../../src/fake-upstream/script/turn-events.js';
import { errorOf, outputOf } from './storm-turn.js';

const statuses = [500, 502, 503, 504, 520];
const clientErrors = [404, 413, 422, 400];
const PIECES = 2;

const pick = (from: readonly number[], dice: number): number => from[Math.floor(dice * from.length)] ?? 500;

/** The body of a refusal, with the mark of its attempt in case that it is passed on. */
export const code = (name: string, mark: string): object => ({
  error: { message: `made up ${errorOf(mark)}`, type: name, code: name },
});

const piece = (mark: string, number: number) => delta(outputOf(mark, number));

/** A turn that goes well: few events, each with the mark of its attempt. */
export function serves(mark: string): ScriptedResponse {
  const pieces = Array.from({ length: PIECES }, (_, index) => piece(mark, index + 1));
  return streams({ events: [created(), messageAdded(), ...pieces, completed()] });
}

/** What a whole answer of a turn that went well has in it. */
export const wholeOutput = (mark: string): string[] =>
  Array.from({ length: PIECES }, (_, index) => `${mark} ${index + 1}`);

/** No head comes: the connection is closed, or reset. */
export function closes(dice: number): ScriptedResponse {
  if (dice < 0.5) return dropsConnection();
  return custom((req) => void req.socket.resetAndDestroy());
}

/** A stream that ends in its middle, at once or a moment later, in order or not. */
export function breaksOff(
  kind: 'breaks before output' | 'breaks after output',
  mark: string,
  dice: number,
): ScriptedResponse {
  const events = kind === 'breaks before output' ? [created()] : [created(), messageAdded(), piece(mark, 1)];
  const how = dice % 0.5 < 0.25 ? { thenCut: true } : { thenReset: true };
  return streams({ events, ...(dice < 0.5 ? { pauseBetweenMs: 5 } : {}), ...how });
}

/** Faults that are told in one whole answer, and leave the account alone. */
export type PassingFault =
  | 'upstream-error'
  | 'overloaded'
  | 'overloaded as first event'
  | 'reset before the head'
  | 'closed before the head'
  | 'edge block'
  | 'failed with another code'
  | 'other 4xx'
  | 'invalid encrypted content'
  | 'no stream'
  | 'paused';

/** Answers that leave the account alone. */
export function passing(kind: PassingFault, mark: string, dice: number): ScriptedResponse {
  switch (kind) {
    case 'upstream-error':
      return refuses(pick(statuses, dice), code('server_error', mark));
    case 'overloaded':
      return refuses(503, code('server_is_overloaded', mark));
    case 'overloaded as first event':
      return failedFirst('server_is_overloaded', errorOf(mark));
    case 'reset before the head':
      return closes(1);
    case 'closed before the head':
      return closes(0);
    case 'edge block':
      return edgeBlock();
    case 'failed with another code':
      return failedFirst(dice < 0.5 ? 'server_error' : 'invalid_prompt', errorOf(mark));
    case 'other 4xx':
      return refuses(pick(clientErrors, dice), code('invalid_request', mark));
    case 'invalid encrypted content':
      return refuses(400, code('invalid_encrypted_content', mark));
    case 'no stream':
      return refuses(200, { id: 'made up', output: wholeOutput(mark).map((it) => `<<output ${it}>>`) });
    case 'paused':
      return serves(mark);
    default:
      return kind satisfies never;
  }
}
