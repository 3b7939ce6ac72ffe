// Preloaded into the program (`--import`), which has no way of its own to force a garbage collection. On SIGUSR2 or
// SIGWINCH it collects and prints the figures. It changes nothing else.
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** The WebSocket of a connection; `ws` attaches it under a private symbol. */
function webSocketOf(connection) {
  const symbol = Object.getOwnPropertySymbols(connection).find((it) => it.description === 'websocket');
  return symbol === undefined ? undefined : connection[symbol];
}

function openConnections() {
  return process._getActiveHandles().filter((it) => it instanceof Socket);
}

/** Counts the listeners on all open connections, on their WebSockets and on the process. */
function countListeners() {
  const connections = openConnections();
  const emitters = [process, ...connections, ...connections.map(webSocketOf)];
  return emitters
    .filter((it) => it instanceof EventEmitter)
    .flatMap((it) => it.eventNames().map((name) => it.listenerCount(name)))
    .reduce((sum, it) => sum + it, 0);
}

/** The class of the program's WebSockets. The program has it in its bundle, so it is found by an open one. */
let WebSocket = null;

/** Walks the whole heap. This blocks the program for seconds, so call it only while no turn runs. */
function countWebSockets() {
  for (const it of openConnections()) WebSocket ??= webSocketOf(it)?.constructor ?? null;
  return WebSocket === null ? 0 : queryObjects(WebSocket, { format: 'count' });
}

function printFigures(isAtRest) {
  collect();
  // Objects that waited for a finalizer are freed by a second collection.
  setImmediate(() => {
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const listeners = countListeners();
    const webSockets = isAtRest ? countWebSockets() : null;
    const figures = { rss, held: heapUsed + external, listeners, webSockets };
    process.stdout.write(`probed ${JSON.stringify(figures)}\n`);
  });
}

process.on('SIGUSR2', () => printFigures(false));
// A signal carries no data, so the second kind of request has its own signal.
process.on('SIGWINCH', () => printFigures(true));
