import { setTimeout as pause } from 'node:timers/promises';
import type {
  ScriptedHeaders,
  StreamResponse,
  StreamEnding,
  TurnFacts,
} from '../script/scripted-response.js';
import type { SocketConnection } from './connection.js';
import { rateLimits, refusalEvent, responseMetadata } from './events.js';
import type { SocketResponse, SocketStep } from '../script/socket-script.js';

type Steps = Iterable<SocketStep> | AsyncIterable<SocketStep>;

/** Sends the messages of a response; resolves when it has ended or the socket is closed. */
export async function writeSocketTurn(
  response: SocketResponse,
  socket: SocketConnection,
  facts: TurnFacts,
  turnHeaders: ScriptedHeaders,
): Promise<void> {
  if (!socket.isOpen) return;
  switch (response.kind) {
    case 'messages':
      return sendSteps(response.steps, response.pauseBetweenMs, () => response.ending, socket);
    case 'stream': {
      const steps = withQuota(response, facts, { ...turnHeaders, ...response.headers });
      return sendSteps(steps, response.pauseBetweenMs, () => response.ending, socket);
    }
    case 'whole':
      return socket.send(JSON.stringify(refusalEvent(response)));
    case 'drop':
      return socket.cut();
    case 'wait':
      await socket.unlessClosed(response.until);
      return writeSocketTurn(response.response, socket, facts, turnHeaders);
    case 'by-model':
      return writeSocketTurn(response.choose(facts.model), socket, facts, turnHeaders);
    case 'custom':
      throw new Error('a custom HTTP response cannot be sent over a WebSocket');
    default:
      return response satisfies never;
  }
}

/** Sends the header fields of an HTTP response as messages: quota first, the others after the first event. */
async function* withQuota(
  response: StreamResponse,
  facts: TurnFacts,
  headers: ScriptedHeaders,
): AsyncGenerator<SocketStep> {
  yield rateLimits(headers);
  let isFirst = true;
  for await (const step of response.steps(facts)) {
    yield step;
    if (isFirst && 'type' in step) {
      yield responseMetadata(headers);
      isFirst = false;
    }
  }
}

async function sendSteps(
  steps: Steps,
  pauseBetweenMs: number,
  ending: () => StreamEnding,
  socket: SocketConnection,
): Promise<void> {
  let isFirst = true;
  for await (const step of steps) {
    if (!isFirst && pauseBetweenMs > 0) await socket.unlessClosed(pause(pauseBetweenMs));
    isFirst = false;
    await sendStep(step, socket);
    if (!socket.isOpen) return;
  }
  switch (ending()) {
    case 'end':
      return;
    case 'cut':
      return socket.cut();
    case 'reset':
      return socket.reset();
    case 'hang':
      return socket.closed;
  }
}

async function sendStep(step: SocketStep, socket: SocketConnection): Promise<void> {
  if ('gate' in step && step.gate instanceof Promise) return socket.unlessClosed(step.gate);
  if ('bytes' in step && Buffer.isBuffer(step.bytes)) return socket.send(step.bytes);
  if ('binary' in step && Buffer.isBuffer(step.binary)) return socket.send(step.binary, true);
  if ('ping' in step && Buffer.isBuffer(step.ping)) return socket.ping(step.ping.toString('utf8'));
  if ('close' in step && typeof step.close === 'number') return socket.close(step.close, String(step.reason));
  if (!('type' in step)) return;
  if (step.type === 'response.completed') remember(step['response'], socket);
  return socket.send(JSON.stringify(step));
}

function remember(response: unknown, socket: SocketConnection): void {
  if (typeof response !== 'object' || response === null || !('id' in response)) return;
  socket.responseIds.add(String(response.id));
}
