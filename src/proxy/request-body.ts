import type { IncomingMessage } from 'node:http';
import type { ReplayBudget } from './replay-budget.js';

/**
 * The body of a client's request: kept whole, so that it can be sent again, or too large for that and
 * streaming through once, after what was already read of it.
 */
export type RequestBody =
  | { readonly kind: 'kept'; readonly bytes: Buffer }
  | { readonly kind: 'streaming'; readonly head: readonly Buffer[]; readonly rest: IncomingMessage };

/** Gives back the room that a kept body takes; once. */
export interface BodyClaim extends Disposable {
  readonly body: RequestBody;
}

/**
 * Reads a body whole as long as it fits into `maxBytes` and into the budget of the process.
 * Rejects when the client leaves before its body is complete.
 */
export async function readBody(
  req: IncomingMessage,
  maxBytes: number,
  budget: ReplayBudget,
): Promise<BodyClaim> {
  const chunks: Buffer[] = [];
  let claimed = 0;
  const giveBack = () => {
    budget.giveBack(claimed);
    claimed = 0;
  };
  const streaming = (): BodyClaim => {
    giveBack();
    return { body: { kind: 'streaming', head: chunks, rest: req }, [Symbol.dispose]: () => undefined };
  };
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return streaming();

  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    const fits = claimed + chunk.length <= maxBytes && budget.claim(chunk.length);
    if (fits) {
      claimed += chunk.length;
    } else {
      req.pause(); // at once: an end that comes before somebody reads on would be missed
      resolve(false);
    }
  };
  const onEnd = () => resolve(true);
  const onClose = () => {
    // A request that was read to its end closes too, before anyone here is told: an error then costs, for nobody.
    if (!req.readableEnded) reject(new Error('the client left before its request was complete'));
  };
  req.on('data', onData).once('end', onEnd).once('close', onClose).once('error', onClose);
  try {
    if (!(await promise)) return streaming();
    const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    return { body: { kind: 'kept', bytes }, [Symbol.dispose]: giveBack };
  } catch (error) {
    giveBack();
    throw error;
  } finally {
    req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
  }
}
