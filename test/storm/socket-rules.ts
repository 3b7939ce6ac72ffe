import { committed, type ClientRequest, type ClientResponse, type Reply } from './storm-turn.js';

const RESTART = 1012;
const PLACE_CODE = 'unsupported_country_region_territory';

/** Replies of an attempt after which the client finds its WebSocket closed in the middle of the output. */
const breaking: ReadonlySet<Reply> = new Set<Reply>(['breaks after output', 'rejected after output']);

/** Whether the response may end without its last event. */
export const mayBreakOff = ({ attempts }: ClientRequest): boolean =>
  breaking.has(attempts.at(-1)?.reply ?? 'none');

/**
 * Whether the client's WebSocket ended in place of a response for a good reason: it ended before the turn was sent,
 * the client lost its patience, or the turn continues a response and only the client can send all of it.
 */
export function isEndOfSocket(
  { isContinuing, attempts }: ClientRequest,
  { closeCode, output }: ClientResponse,
): boolean {
  if (closeCode === null || output.length > 0) return false;
  return (
    attempts.length === 0 || attempts.at(-1)?.reply === 'silent' || (isContinuing && closeCode === RESTART)
  );
}

/** The local response to a turn from the wrong country. On a WebSocket it takes the place of upstream's. */
export const isWrongPlace = ({ isSocket }: ClientRequest, { status, poolError }: ClientResponse): boolean =>
  isSocket && status === 400 && poolError === PLACE_CODE;

/** Returns how the response to a turn on a WebSocket breaks the failover table; null if it does not. */
export function socketFault(
  request: ClientRequest,
  response: ClientResponse,
  isCertainlyAvailable: (account: string) => boolean,
): string | null {
  const { isSocket, isContinuing, attempts, lastAccount } = request;
  const { closeCode, output } = response;
  if (!isSocket) return null;
  const last = attempts.at(-1);
  const messages = attempts.filter((it) => it.reply !== 'refused token'); // that was a handshake
  if (isContinuing && messages.length > 1) return 'sent a continuation again';
  if (last?.reply === 'rejected after output' && output.length > 0 && closeCode !== RESTART)
    return `ended the response of a rejected token with ${closeCode ?? 'no close'}`;
  if (closeCode === null || output.length > 0) return null;
  if (last !== undefined && !isContinuing && last.reply !== 'silent')
    return `closed the socket with ${closeCode} in place of a response to a whole turn`;
  if (closeCode !== RESTART || !isContinuing) return null;
  if (last !== undefined && committed.has(last.reply) && last.reply !== 'breaks after output')
    return 'asked the client to reconnect although its turn was served';
  if (last === undefined && lastAccount !== null && isCertainlyAvailable(lastAccount))
    return `asked the client to reconnect before sending its turn, although ${lastAccount} was available`;
  return null;
}
