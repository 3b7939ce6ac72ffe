import { setTimeout as pause } from 'node:timers/promises';
import { pacedFrames, PREAMBLE_EVENTS, sizeOf } from '../turn/response.mjs';
import { newAgent, nextRequest, send, turn } from './http-client.mjs';

const preambleBytes = sizeOf(pacedFrames(2).slice(0, PREAMBLE_EVENTS));
/** The streams that `openStreams` has started, and those of `holdStreams`. */
let running = [];
let held = [];

/** Starts a paced stream; `opened` resolves with the time until its first delta, `ended` with its largest gap. */
function pacedStream(target, query, agent) {
  const { promise: opened, resolve } = Promise.withResolvers();
  let [lastAt, largest] = [null, 0];
  const onChunk = (now, received, sentAt) => {
    if (received >= preambleBytes) resolve(now - sentAt);
    if (received <= preambleBytes) return;
    if (lastAt !== null) largest = Math.max(largest, now - lastAt);
    lastAt = now;
  };
  const bytes = sizeOf(pacedFrames(query.events));
  const ended = turn(target, query, nextRequest('turn'), { bytes, agent, onChunk }).then(() => largest);
  return { opened: Promise.race([opened, ended.then(() => opened)]), ended };
}

/**
 * Starts paced streams on connections of their own, spread over `spreadMs`; resolves with the times until the first
 * delta of each, when all have it. Their events begin `quietMs` after that of upstream.
 */
export async function openStreams({ target, streams, events, everyMs, quietMs, spreadMs }) {
  const agent = newAgent(target);
  const query = { shape: 'paced', events, every: everyMs, quiet: quietMs };
  const one = async (index) => {
    if (spreadMs > 0) await pause((index * spreadMs) / streams);
    return pacedStream(target, query, agent);
  };
  running = await Promise.all(Array.from({ length: streams }, (_, index) => one(index)));
  for (const { ended } of running) ended.catch(() => undefined); // `finishStreams` reports it
  return { firstDeltas: await Promise.all(running.map((it) => it.opened)) };
}

/** Resolves with the largest gap between two arrivals of each stream, when all have ended. */
export async function finishStreams() {
  return { gaps: await Promise.all(running.map((it) => it.ended)) };
}

/** Opens streams that stay silent after their first output. */
export async function holdStreams({ target, streams, lanes }) {
  const agent = newAgent(target);
  held = [];
  const lane = async () => {
    while (held.length < streams) {
      const { promise, resolve, reject } = Promise.withResolvers();
      const sent = send(target, { shape: 'idle' }, nextRequest('tiny'), {
        agent,
        onError: reject,
        onResponse: (response) => {
          let received = 0;
          response.on('error', () => undefined); // it is cut by `releaseStreams`
          response.on('data', (chunk) => {
            received += chunk.length;
            if (received >= preambleBytes) resolve();
          });
        },
      });
      held.push(sent);
      await promise;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { open: held.length };
}

/** Leaves all held streams. */
export function releaseStreams() {
  for (const sent of held) sent.destroy();
  held = [];
  return {};
}
