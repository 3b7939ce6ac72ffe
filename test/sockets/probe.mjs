// Preloaded into the program (`--import`), which itself offers no way to collect garbage: on SIGUSR2 or
// SIGWINCH it collects, and prints what is left. It changes nothing else.
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** A WebSocket hangs on its connection by a symbol of its library. */
function webSocketOf(connection) {
  const symbol = Object.getOwnPropertySymbols(connection).find((it) => it.description === 'websocket');
  return symbol === undefined ? undefined : connection[symbol];
}

/** On every open connection, on the WebSocket of each, and on the process. */
function countListeners() {
  const connections = process._getActiveHandles().filter((it) => it instanceof Socket);
  const emitters = [process, ...connections, ...connections.map(webSocketOf)];
  return emitters
    .filter((it) => it instanceof EventEmitter)
    .flatMap((it) => it.eventNames().map((name) => it.listenerCount(name)))
    .reduce((sum, it) => sum + it, 0);
}

/** Walking the whole heap stops the program for seconds: only for when no turn runs. */
function countWebSockets() {
  return queryObjects(WebSocket, { format: 'count' });
}

function tell(isAtRest) {
  collect();
  // What waited for a finalizer goes with the next one.
  setImmediate(() => {
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const listeners = countListeners();
    const webSockets = isAtRest ? countWebSockets() : null;
    const figures = { rss, held: heapUsed + external, listeners, webSockets };
    process.stdout.write(`probed ${JSON.stringify(figures)}\n`);
  });
}

process.on('SIGUSR2', () => tell(false));
// A signal carries nothing: another one for the other question.
process.on('SIGWINCH', () => tell(true));
