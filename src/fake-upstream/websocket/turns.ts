import type { WebSocket } from 'ws';
import type { AccountScript } from '../script/account-script.js';
import { jsonIn } from '../http/request-body.js';
import type { SocketConnection } from './connection.js';
import { errorEvent, previousResponseNotFound } from './events.js';
import type { LoggedMessage, SocketLog } from './log.js';
import { messages, type SocketResponse } from '../script/socket-script.js';
import { writeSocketTurn } from './turn.js';
import { completed, created, newId } from '../script/turn-events.js';

const CLOSE_INTERNAL_ERROR = 1011;
const NOTHING = { input: 0, cached: 0, output: 0, reasoning: 0 };

type Message = Readonly<Record<string, unknown>>;

/** The facts about a turn on a socket that its response can depend on. */
export interface SocketTurnRequest {
  readonly account: string;
  readonly bytes: Buffer;
}

/** Chooses the response to a turn; `scripted` is the one by the script. */
type Decide = (turn: SocketTurnRequest, scripted: SocketResponse) => SocketResponse;

/** Logs and serves the messages of a socket: one turn after the other, unless the account's script interleaves them. */
export function serveTurns(
  ws: WebSocket,
  socket: SocketConnection,
  account: AccountScript,
  log: SocketLog,
  decide: Decide,
): void {
  let before: Promise<unknown> = Promise.resolve();
  ws.on('message', (raw: unknown, isBinary: boolean) => {
    const bytes = Buffer.isBuffer(raw) ? raw : Buffer.alloc(0);
    const logged = { bytes, isBinary };
    const previous = account.sockets.interleaves ? Promise.resolve() : before;
    before = Promise.all([before, served(logged, previous, socket, account, log, decide)]);
  });
}

async function served(
  logged: LoggedMessage,
  previous: Promise<unknown>,
  socket: SocketConnection,
  account: AccountScript,
  log: SocketLog,
  decide: Decide,
): Promise<void> {
  const message = logged.isBinary ? {} : jsonIn(logged.bytes);
  if (message['type'] !== 'response.create') {
    socket.strays.push(logged);
    const error = { type: 'invalid_request_error', message: 'Only response.create is supported.' };
    return socket.send(JSON.stringify(errorEvent(400, error)));
  }
  const isPrewarm = message['generate'] === false;
  const turn = { ...logged, at: Date.now(), account: account.name, socket, message, isPrewarm };
  const ended = log.addTurn(turn);
  await previous;
  const model = typeof message['model'] === 'string' ? message['model'] : null;
  const facts = { account: account.name, model };
  try {
    const scripted = responseTo(message, isPrewarm, socket, account);
    await writeSocketTurn(
      isPrewarm || isUnknownResponse(message, socket, account) ? scripted : decide(turn, scripted),
      socket,
      facts,
      account.turnHeaders(model),
    );
  } catch (error) {
    socket.close(CLOSE_INTERNAL_ERROR, `The fake upstream failed: ${String(error)}`.slice(0, 120));
  } finally {
    ended();
  }
}

function responseTo(
  message: Message,
  isPrewarm: boolean,
  socket: SocketConnection,
  account: AccountScript,
): SocketResponse {
  const { sockets: script } = account;
  if (isUnknownResponse(message, socket, account))
    return messages(previousResponseNotFound(String(message['previous_response_id'])));
  if (isPrewarm) return script.nextPrewarm() ?? prewarmed();
  return script.nextResponse() ?? account.nextTurnResponse();
}

/** Whether the turn continues a response that this socket has not issued. */
function isUnknownResponse(message: Message, socket: SocketConnection, { sockets }: AccountScript): boolean {
  const previousId = message['previous_response_id'];
  return sockets.knowsItsResponses && typeof previousId === 'string' && !socket.responseIds.has(previousId);
}

function prewarmed(): SocketResponse {
  const id = newId('resp');
  return messages(created(id), completed(NOTHING, id));
}
