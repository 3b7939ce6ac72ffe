// The bench's load, in a separate process: runs tasks and reports the results.
import { Agent, request } from 'node:http';
import { madeUpPlaceholderLogin } from '../../dist/fake-upstream/script/made-up-credentials.js';
import { responseEvents, sizeOf, turns, wholeResponse } from '../turn/request.mjs';

const WHOLE_BYTES = sizeOf(wholeResponse());
const TURN_TIMEOUT_MS = 30_000;
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const sessions = turns(madeUpPlaceholderLogin());
let next = 0;

/** Sends a turn and calls `onChunk` at each arrival. Resolves with the time until the first byte, ms. */
function turn(port, query, expectedBytes, onChunk) {
  const { headers, body } = sessions[next++ % sessions.length];
  const { promise, resolve, reject } = Promise.withResolvers();
  const startedAt = performance.now();
  const sent = request(
    { host: '127.0.0.1', port, agent, method: 'POST', path: `/v1/responses${query}`, headers },
    (response) => {
      let bytes = 0;
      let firstByteMs = null;
      response.on('data', (chunk) => {
        const now = performance.now();
        firstByteMs ??= now - startedAt;
        bytes += chunk.length;
        onChunk(now);
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200 && bytes === expectedBytes) resolve(firstByteMs);
        else reject(new Error(`a turn got ${response.statusCode} and ${bytes} of ${expectedBytes} bytes`));
      });
    },
  );
  sent.setTimeout(TURN_TIMEOUT_MS, () => sent.destroy(new Error('a turn was silent for too long')));
  sent.once('error', reject);
  sent.end(body);
  return promise;
}

const ignored = () => undefined;

/** Runs turns one after another in `concurrency` lanes; returns their times until the first byte. */
async function runTurns({ port, count, concurrency }) {
  const firstBytes = [];
  const lane = async (share) => {
    for (let done = 0; done < share; done += 1) firstBytes.push(await turn(port, '', WHOLE_BYTES, ignored));
  };
  await Promise.all(Array.from({ length: concurrency }, () => lane(Math.floor(count / concurrency))));
  return { firstBytes };
}

/** Runs paced streams side by side, started slightly apart; returns the largest gap between two arrivals of each. */
async function runStreams({ port, streams, events, everyMs }) {
  const expectedBytes = sizeOf(responseEvents(Math.max(1, events - 5)));
  const one = async (index) => {
    await new Promise((resolve) => setTimeout(resolve, (index * everyMs) / streams));
    let lastAt = null;
    let largest = 0;
    await turn(port, `?every=${everyMs}&events=${events}`, expectedBytes, (now) => {
      if (lastAt !== null) largest = Math.max(largest, now - lastAt);
      lastAt = now;
    });
    return largest;
  };
  return { gaps: await Promise.all(Array.from({ length: streams }, (_, index) => one(index))) };
}

async function serve({ task, ...order }) {
  try {
    process.send({ result: await (task === 'turns' ? runTurns(order) : runStreams(order)) });
  } catch (error) {
    process.send({ failure: error.message });
  }
}

process.on('message', (message) => void serve(message));
process.once('disconnect', () => process.exit(0));
