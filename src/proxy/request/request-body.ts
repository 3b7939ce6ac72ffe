import type { IncomingMessage } from 'node:http';
import { PoolError } from '../../runtime/pool-error.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { joined } from './joined.js';

/**
 * The body of a client's request: kept whole, so that it can be sent again, or too large for that and
 * streaming through once, after what was already read of it.
 */
export type RequestBody =
  | { readonly kind: 'kept'; readonly bytes: Buffer }
  | { readonly kind: 'streaming'; readonly head: readonly Buffer[]; readonly rest: IncomingMessage };

/** The client has left before its body was complete: no fault, and nobody is left to be told. */
export class ClientLeftError extends PoolError {
  readonly code = 'client_left';

  constructor() {
    super('the client left before its request was complete');
  }
}

/** Gives back the room that a body takes, also one that was read in part only; once. */
export interface BodyClaim extends Disposable {
  readonly body: RequestBody;
}

/**
 * Reads a body whole as long as it fits into `maxBytes` and into the budget of the process.
 * Rejects with `ClientLeftError` when the client leaves before its body is complete.
 */
export async function readBody(
  req: IncomingMessage,
  maxBytes: number,
  budget: ReplayBudget,
): Promise<BodyClaim> {
  const chunks: Buffer[] = [];
  const room = new BudgetClaim(budget);
  const giveBack = () => room[Symbol.dispose]();
  // What was read of it is held until the end of the request, and counts as long.
  const streaming = (): BodyClaim => ({
    body: { kind: 'streaming', head: chunks, rest: req },
    [Symbol.dispose]: giveBack,
  });
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return streaming();

  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    if (room.bytes + chunk.length <= maxBytes && room.more(chunk.length)) return;
    req.pause(); // at once: an end that comes before somebody reads on would be missed
    resolve(false);
  };
  const onEnd = () => resolve(true);
  const onClose = () => {
    // A request that was read to its end closes too, before anyone here is told: an error then costs, for nobody.
    if (!req.readableEnded) reject(new ClientLeftError());
  };
  req.on('data', onData).once('end', onEnd).once('close', onClose).once('error', onClose);
  try {
    if (!(await promise)) return streaming();
    return { body: { kind: 'kept', bytes: joined(chunks) }, [Symbol.dispose]: giveBack };
  } catch (error) {
    giveBack();
    throw error;
  } finally {
    req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
  }
}
