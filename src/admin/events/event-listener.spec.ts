import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { EventListener } from './event-listener.js';

let server: Server | null = null;
afterEach(() => {
  server?.close().closeAllConnections();
});

/** A listener whose client reads nothing until the test does. */
async function listening(): Promise<{
  listener: EventListener;
  res: ServerResponse;
  client: IncomingMessage;
  gone: () => number;
}> {
  const made = Promise.withResolvers<{ listener: EventListener; res: ServerResponse }>();
  let gone = 0;
  server = createServer((_req, res) => {
    made.resolve({ listener: new EventListener(res, () => (gone += 1)), res });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  get({ host: '127.0.0.1', port, agent: false }, resolve).on('error', () => undefined);
  const client = await promise;
  client.on('error', () => undefined);
  return { ...(await made.promise), client, gone: () => gone };
}

const chunk = Buffer.alloc(300_000, ':\n\n');

/** Sends until the sockets hold no more, so that bytes wait in the program. */
async function fill(listener: EventListener, res: ServerResponse): Promise<void> {
  for (;;) {
    listener.send(chunk);
    await new Promise(setImmediate);
    if (res.writableLength > 0) return;
  }
}

describe('a listener that does not read', () => {
  it('is dropped when it has read nothing for too many ticks', async () => {
    const { listener, res, client, gone } = await listening();
    await fill(listener, res);
    for (let it = 0; it < limits.eventStalledTicks; it += 1) listener.check();
    expect([gone(), res.writableEnded]).toEqual([0, false]);
    listener.check();
    expect([gone(), res.writableEnded]).toEqual([1, true]);
    let text = '';
    client.on('data', (it: Buffer) => (text = (text + it.toString()).slice(-100)));
    await once(client, 'end');
    expect(text).toMatch(/\n\nevent: dropped\ndata: \{"reason":"too-slow"\}\n\n$/);
  });

  it('may begin to read again', async () => {
    const { listener, res, client, gone } = await listening();
    await fill(listener, res);
    for (let it = 0; it < limits.eventStalledTicks; it += 1) listener.check();
    client.resume();
    await once(res, 'drain');
    for (let it = 0; it <= limits.eventStalledTicks; it += 1) listener.check();
    expect(gone()).toBe(0);
  });

  it('is dropped when it has too much unsent, and its connection soon after', async () => {
    const { listener, res, gone } = await listening();
    await fill(listener, res);
    while (res.writableLength <= limits.eventBacklogBytes) listener.send(chunk);
    const most = res.writableLength;
    const closed = once(res, 'close');
    expect(gone()).toBe(0);
    listener.send(chunk);
    expect(res.writableEnded).toBe(true);
    expect(res.writableLength - most).toBeLessThan(200); // only why
    await closed;
    expect(res.destroyed).toBe(true);
  });
});
