import { createServer, type IncomingMessage, request } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ReplayBudget } from './replay-budget.js';
import { type BodyClaim, BodyTimeoutError, readBody } from './request-body.js';

/** Lets a client send a body in chunks and checks how a server reads it. */
async function reading(
  pieces: readonly number[],
  maxBytes: number,
  budget: ReplayBudget,
  then: (claim: BodyClaim, req: IncomingMessage) => void,
  { withinMs, isWhole }: { withinMs: number | null; isWhole: boolean } = { withinMs: null, isWhole: true },
): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = request({ port, host: '127.0.0.1', method: 'POST', agent: false }).on(
    'error',
    () => undefined,
  );
  const arrival = once(server, 'request');
  client.flushHeaders();
  const [req]: IncomingMessage[] = await arrival;
  try {
    if (req === undefined) throw new Error('no request arrived');
    const claim = readBody(req, { maxBytes, withinMs }, budget);
    for (const size of pieces) client.write(Buffer.alloc(size, 'x'));
    if (isWhole) client.end();
    then(await claim, req);
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

describe('a body that is read', () => {
  it('takes room while it is kept, and returns it once', async () => {
    const budget = new ReplayBudget(100);
    await reading([60, 40], 100, budget, (claim) => {
      expect(claim.body).toMatchObject({ kind: 'kept', bytes: Buffer.alloc(100, 'x') });
      expect(budget.bytes).toBe(100);
      for (const _time of [1, 2]) claim[Symbol.dispose]();
      expect(budget.bytes).toBe(0);
    });
  });

  it.each([
    ['its own bound', 50, 1_000],
    ['the bound of the process', 1_000, 50],
  ])('streams above %s, and counts the part that has been read while it is held', async (_what, own, all) => {
    const budget = new ReplayBudget(all);
    await reading([40, 40, 40], own, budget, (claim) => {
      // The piece that did not fit is there as well.
      const piece = Buffer.alloc(40, 'x');
      expect(claim.body).toMatchObject({ kind: 'streaming', head: [piece, piece] });
      expect(budget.bytes).toBe(40);
      claim[Symbol.dispose]();
      expect(budget.bytes).toBe(0);
    });
  });

  it('is given up after the time that it has, and returns its room', async () => {
    const budget = new ReplayBudget(100);
    const slow = { withinMs: 60, isWhole: false };
    await expect(reading([10, 10], 100, budget, () => undefined, slow)).rejects.toThrow(BodyTimeoutError);
    expect(budget.bytes).toBe(0);
  });
});
