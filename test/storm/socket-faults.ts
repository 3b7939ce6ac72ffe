import { setTimeout as pause } from 'node:timers/promises';
import { overloaded } from '../../src/fake-upstream/script/refusals.js';
import { after } from '../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import {
  closes,
  messages,
  messagesThen,
  slowMessages,
  type SocketResponse,
} from '../../src/fake-upstream/script/socket-script.js';
import { created, delta, messageAdded, type TurnEvent } from '../../src/fake-upstream/script/turn-events.js';
import { errorEvent } from '../../src/fake-upstream/websocket/events.js';
import { SeededRandom } from '../support/seeded-random.js';
import { marked, success } from './attempt-faults.js';
import type { Fault, FaultKind } from './fault-mix.js';
import { type Attempt, errorOf, outputOf, type Reply } from './storm-turn.js';

/** Upstream's response to an attempt on a WebSocket. */
export interface SocketReply {
  readonly reply: Reply;
  readonly response: SocketResponse;
}

const FAULT_RATIO = 0.03;
/** Longer than the program holds the messages of a turn. */
const SILENCE_MS = 11_000;
const closeCodes = [1008, 1011, 1012, 1013];
/** Besides the close codes: a cut and a reset. */
const DEATHS = closeCodes.length + 2;

/** The fault that a WebSocket alone has for an attempt, or null. It depends on the seed only, not on timing. */
export function ownFaultOf(seed: number, attempt: Attempt): SocketReply | null {
  const { turn, nth, mark } = attempt;
  const random = new SeededRandom(seed ^ Math.imul(turn + 3, 0x85ebca6b) ^ Math.imul(nth + 5, 0xc2b2ae35));
  if (!random.happens(FAULT_RATIO)) return null;
  const roll = random.next();
  if (roll < 0.35) return { reply: 'silent', response: messagesThen('hang') };
  if (roll < 0.8) {
    const rejection = errorEvent(401, { code: 'token_expired', message: errorOf(mark) });
    return { reply: 'rejected after output', response: messages(...startOf(mark), rejection) };
  }
  const silence = pause(SILENCE_MS, undefined, { ref: false }).then(() => (attempt.answeredAt = Date.now()));
  const { reply, response } = random.happens(0.5)
    ? { reply: 'overloaded' as const, response: marked(overloaded(), mark) }
    : { reply: 'none' as const, response: success(mark) };
  return { reply, response: after(silence, response) };
}

/** Pages of the edge, and bodies that are no stream or are labelled as one. */
const onlyOverHttp: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'edge block',
  'no stream',
  'labelled stream',
  'mislabelled stream',
]);

/** The form that a fault of any transport has on a WebSocket. `response` is the one over HTTP. */
export function onSocket(
  { kind, roll }: Fault,
  response: ScriptedResponse,
  { mark }: Attempt,
  isContinuing: boolean,
): SocketReply {
  const events = beforeDeath(kind, mark);
  if (events !== null) return { reply: kind, response: dies(events, roll) };
  // A continuation has no encrypted content.
  const isNone = onlyOverHttp.has(kind) || (isContinuing && kind === 'invalid encrypted content');
  return isNone ? { reply: 'none', response: success(mark) } : { reply: kind, response };
}

/** The events before the connection ends; null if the fault does not end it. */
function beforeDeath(kind: FaultKind, mark: string): readonly TurnEvent[] | null {
  const isBeforeHead = kind === 'reset before the head' || kind === 'closed before the head';
  if (isBeforeHead || kind === 'unreachable') return [];
  if (kind === 'breaks before output') return [created()];
  return kind === 'breaks after output' ? startOf(mark) : null;
}

const startOf = (mark: string): TurnEvent[] => [created(), messageAdded(), delta(outputOf(mark, 1))];

/** A socket that is closed, cut or reset after these events. */
function dies(events: readonly TurnEvent[], roll: number): SocketResponse {
  const how = Math.floor(roll * DEATHS);
  const code = closeCodes[how];
  const pauseMs = (roll * DEATHS) % 1 < 0.5 ? 5 : 0;
  if (code !== undefined) return slowMessages(pauseMs, ...events, closes(code, 'made-up'));
  return messagesThen(how === closeCodes.length ? 'cut' : 'reset', ...events);
}
