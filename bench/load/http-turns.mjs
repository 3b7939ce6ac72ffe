import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { shortFrames, sizeOf, wholeFrames } from '../turn/response.mjs';
import { newRequest, nextRequest, send, turn } from './http-client.mjs';

const whole = sizeOf(wholeFrames());
const bytesOf = { few: whole, chunks: whole, refused: whole, short: sizeOf(shortFrames()) };

/** Runs turns one after another in `lanes` lanes; returns their times until the first byte. */
export async function runTurns({ target, kind, shape, count, lanes }) {
  const firstBytes = [];
  const lane = async () => {
    for (let done = 0; done < Math.ceil(count / lanes); done += 1)
      firstBytes.push(await turn(target, { shape }, nextRequest(kind), { bytes: bytesOf[shape] }));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { firstBytes, count: firstBytes.length };
}

/**
 * Runs turns of new sessions, `pauseMs` apart, which upstream refuses once. A target that fails over does not show the
 * refusal; otherwise (`sendsAgain`) the client sends the turn again. Returns the times from the first request to the
 * first byte of the response.
 */
export async function runRefusedTurns({ target, count, pauseMs, sendsAgain }) {
  const firstBytes = [];
  for (let done = 0; done < count; done += 1) {
    const sent = newRequest('turn');
    const query = { shape: 'refused' };
    const refusedMs = sendsAgain ? await turn(target, query, sent, { status: 429 }) : 0;
    firstBytes.push(refusedMs + (await turn(target, query, sent, { bytes: bytesOf.refused })));
    await pause(pauseMs);
  }
  return { firstBytes };
}

/** Checks that a body of this kind reaches upstream byte for byte. */
export async function checkBytes({ target, kind }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const sent = nextRequest(kind);
  send(target, { shape: 'digest' }, sent, {
    onError: reject,
    onResponse: (response) => resolve(response.toArray()),
  });
  const { digest } = JSON.parse(Buffer.concat(await promise).toString());
  const own = createHash('sha256').update(sent.body).digest('hex');
  if (digest !== own) throw new Error(`a body of kind ${kind} arrived changed`);
  return {};
}
