import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventsOf, wholeDeltas } from '../turn/response.mjs';
import { sessionHeaders, turnMessage } from '../turn/request.mjs';
import { login } from './http-client.mjs';

const TIMEOUT_MS = 30_000;
const messagesOfTurn = eventsOf(wholeDeltas()).length;

/** Runs a turn on an open WebSocket; resolves with the time until its first message. */
async function socketTurn(ws, message) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const sentAt = performance.now();
  let [received, firstMs] = [0, null];
  const onMessage = () => {
    firstMs ??= performance.now() - sentAt;
    received += 1;
    if (received === messagesOfTurn) resolve();
  };
  const onClose = (code) => reject(new Error(`a WebSocket was closed (${code}) after ${received} messages`));
  const timer = setTimeout(() => reject(new Error('a turn on a WebSocket took too long')), TIMEOUT_MS);
  ws.on('message', onMessage);
  ws.once('close', onClose);
  ws.send(message);
  try {
    await promise;
    return firstMs;
  } finally {
    clearTimeout(timer);
    ws.off('message', onMessage);
    ws.off('close', onClose);
  }
}

/** Opens WebSockets as Codex does and runs turns on them, one after another on each. */
export async function runSocketTurns({ target, sockets, turns }) {
  const firstMessages = [];
  const one = async () => {
    const session = randomUUID();
    const headers = { ...sessionHeaders(login, session), 'openai-beta': 'responses_websockets=2026-02-06' };
    const ws = new WebSocket(`ws://127.0.0.1:${target.port}/v1/responses`, { headers });
    await once(ws, 'open');
    const message = turnMessage(session);
    for (let done = 0; done < turns; done += 1) firstMessages.push(await socketTurn(ws, message));
    ws.close();
    await once(ws, 'close');
  };
  await Promise.all(Array.from({ length: sockets }, one));
  return { firstMessages };
}
