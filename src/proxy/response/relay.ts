import type { IncomingMessage, ServerResponse } from 'node:http';
import { concatChunks } from '../request/concat-chunks.js';
import { discard } from '../upstream/response-peek.js';

/** How a committed response ended: completely, or cut by upstream or the client, whichever broke off first. */
export type RelayEnd = 'complete' | 'cut' | 'client-gone';

/**
 * Relays a body to the client after its head was written. Chunks that arrive in one read go out in one write before
 * anything else runs, so a response of hundreds of small chunks costs a few writes and delays none of them. A
 * client that reads slowly slows upstream down. A side that breaks off ends the other after the bytes received so
 * far. `watch` sees the bytes after they were sent.
 *
 * `isWhole` returns whether the client has been sent everything it waits for. Codex closes its connection then, while
 * upstream may still be about to end its body: the response is complete, and upstream is read to its end, within the
 * bounds of `discard`, so that its connection can be used again.
 */
export function relayStream(
  from: IncomingMessage,
  to: ServerResponse,
  watch: (bytes: Buffer) => void,
  isWhole: () => boolean = () => false,
): Promise<RelayEnd> {
  const { promise, resolve } = Promise.withResolvers<RelayEnd>();
  let arrived: Buffer[] = [];
  /** Whether the last read brought one chunk, as those of a paced stream do. */
  let isPaced = false;
  let lastRead = -1;
  const send = (bytes: Buffer) => {
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    watch(bytes);
  };
  const flush = () => {
    if (arrived.length === 0 || to.destroyed) return;
    isPaced = !isPaced && arrived.length === 1;
    const bytes = concatChunks(arrived);
    arrived = [];
    send(bytes);
  };
  const onEnd = () => {
    flush();
    to.end();
  };
  const onBroken = () => {
    if (from.readableEnded) return;
    resolve(isWhole() ? 'complete' : 'cut');
    flush();
    // Deferred: bytes already written wait for the socket's next tick and belong to the client.
    if (to.socket === null) to.destroy();
    else to.socket.destroySoon();
  };
  const onClientClose = () => {
    const isComplete = to.writableFinished || isWhole();
    resolve(isComplete ? 'complete' : 'client-gone');
    from.off('data', onData);
    if (isComplete) discard(from);
    else if (!from.readableEnded) from.destroy();
  };
  const onData = (chunk: Buffer) => {
    if (isPaced && arrived.length === 0 && !to.destroyed && isNewRead()) return send(chunk);
    if (arrived.push(chunk) === 1) process.nextTick(flush);
  };
  /** The first chunk of a paced stream's read needs no wait for others. If there are, they follow in one write. */
  const isNewRead = () => {
    const read = from.socket.bytesRead;
    const isNew = read !== lastRead;
    lastRead = read;
    return isNew;
  };
  to.once('close', onClientClose).on('error', onClientClose);
  from.on('data', onData).once('end', onEnd).on('error', onBroken).once('close', onBroken);
  if (to.destroyed) onClientClose();
  else if (from.readableEnded) onEnd();
  else if (from.destroyed) onBroken();
  else from.resume();
  return promise;
}
