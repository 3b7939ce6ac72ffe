import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { messagesThen, type SocketResponse } from '../../src/fake-upstream/script/socket-script.js';
import type { Fault, FaultKind } from './fault-mix.js';

/**
 * Faults that belong to HTTP: the edge and the tokens are met in a handshake, and a message has no content type. On a
 * socket the turn is served instead.
 */
const onlyOverHttp: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'edge block',
  'no stream',
  'labelled stream',
  'mislabelled stream',
  'expired token',
  'rejected after a refresh',
  'needs login',
]);

/** The fault of an attempt on a socket; null if it cannot occur there. */
export function onSocket(fault: Fault | null, isContinuing: boolean): Fault | null {
  if (fault === null || onlyOverHttp.has(fault.kind)) return null;
  // A continued response belongs to the account of its socket.
  return isContinuing && fault.kind === 'invalid encrypted content' ? null : fault;
}

/** A response in the form that a socket has for it. */
export function asMessages(response: ScriptedResponse): SocketResponse {
  // Over HTTP, only a handler can reset the connection before the head.
  return response.kind === 'custom' ? messagesThen('reset') : response;
}
