import type { IncomingMessage, ServerResponse } from 'node:http';
import { joined } from '../request/joined.js';

/** How an answer that was committed came to its end: whole, or by the side that broke off first. */
export type RelayEnd = 'complete' | 'cut' | 'client-gone';

/**
 * Sends a body on to the client, whose head is written. What arrives in one read goes out in one write, before
 * anything else runs: an answer of hundreds of small chunks costs a few writes, and none of them waits. A client
 * that reads slowly slows upstream down; a side that breaks off ends the other, after what had arrived before.
 * `watch` sees the bytes after they have gone on.
 */
export function relayStream(
  from: IncomingMessage,
  to: ServerResponse,
  watch: (bytes: Buffer) => void,
): Promise<RelayEnd> {
  const { promise, resolve } = Promise.withResolvers<RelayEnd>();
  let arrived: Buffer[] = [];
  const flush = () => {
    if (arrived.length === 0 || to.destroyed) return;
    const bytes = joined(arrived);
    arrived = [];
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    watch(bytes);
  };
  const onEnd = () => {
    flush();
    to.end();
  };
  const onBroken = () => {
    if (from.readableEnded) return;
    resolve('cut');
    flush();
    // Not at once: what is written waits for its tick in the socket, and belongs to the client.
    if (to.socket === null) to.destroy();
    else to.socket.destroySoon();
  };
  const onClientClose = () => {
    resolve(to.writableFinished ? 'complete' : 'client-gone');
    if (!from.readableEnded) from.destroy();
  };
  to.once('close', onClientClose).on('error', onClientClose);
  from.on('data', (chunk: Buffer) => {
    if (arrived.push(chunk) === 1) process.nextTick(flush);
  });
  from.once('end', onEnd).on('error', onBroken).once('close', onBroken);
  if (to.destroyed) onClientClose();
  else if (from.readableEnded) onEnd();
  else if (from.destroyed) onBroken();
  else from.resume();
  return promise;
}
