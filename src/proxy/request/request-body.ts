import type { IncomingMessage } from 'node:http';
import { PoolError } from '../../runtime/pool-error.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { bodyStalled } from './client-leaving.js';
import { concatChunks } from './concat-chunks.js';

/**
 * The body of a client's request: either kept whole, so that it can be sent again, or too large for that. Then it
 * streams through once: first `head` (already read), then `rest`.
 */
export type RequestBody =
  | { readonly kind: 'kept'; readonly bytes: Buffer }
  | { readonly kind: 'streaming'; readonly head: readonly Buffer[]; readonly rest: IncomingMessage };

/** The client has left before its body was complete. This is not a fault, and no response is needed. */
export class ClientLeftError extends PoolError {
  readonly code = 'client_left';

  constructor() {
    super('the client left before its request was complete');
  }
}

/** The client has stopped sending its body, or takes too long for it. */
export class BodyTimeoutError extends PoolError {
  readonly code = 'body_timeout';

  constructor() {
    super('the body of the request did not arrive in time');
  }
}

/** How much of a body is read, and for how long. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Ms for the whole body; null if only a standstill ends it, which the ingress notices. */
  readonly withinMs: number | null;
}

/** Holds the room of a body, even of one that has been read only in part. Returns it once. */
export interface BodyClaim extends Disposable {
  readonly body: RequestBody;
}

/**
 * Reads a whole body if it fits into `maxBytes` and into the budget of the process. Rejects with `ClientLeftError` if
 * the client leaves before its body is complete, and with `BodyTimeoutError` if it does not arrive in time.
 */
export async function readBody(
  req: IncomingMessage,
  { maxBytes, withinMs }: BodyLimits,
  budget: ReplayBudget,
): Promise<BodyClaim> {
  const chunks: Buffer[] = [];
  const room = new BudgetClaim(budget);
  const giveBack = () => room[Symbol.dispose]();
  // The part that has been read is held, and counts, until the request ends.
  const streaming = (): BodyClaim => ({
    body: { kind: 'streaming', head: chunks, rest: req },
    [Symbol.dispose]: giveBack,
  });
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return streaming();

  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const timer = withinMs === null ? null : setTimeout(() => reject(new BodyTimeoutError()), withinMs);
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    if (room.bytes + chunk.length <= maxBytes && room.more(chunk.length)) return;
    req.pause(); // at once: an `end` before the next reader listens would be missed
    resolve(false);
  };
  const onEnd = () => resolve(true);
  const onClose = () => {
    // A request that has been read completely closes as well; it must not reject.
    if (!req.readableEnded) reject(new ClientLeftError());
  };
  const onStall = () => reject(new BodyTimeoutError());
  req
    .on('data', onData)
    .once('end', onEnd)
    .once('close', onClose)
    .once('error', onClose)
    .once(bodyStalled, onStall);
  try {
    if (!(await promise)) return streaming();
    return { body: { kind: 'kept', bytes: concatChunks(chunks) }, [Symbol.dispose]: giveBack };
  } catch (error) {
    giveBack();
    throw error;
  } finally {
    if (timer !== null) clearTimeout(timer);
    req
      .off('data', onData)
      .off('end', onEnd)
      .off('close', onClose)
      .off('error', onClose)
      .off(bodyStalled, onStall);
  }
}
