import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock, SECOND } from '../../../test/support/fake-clock.js';
import { KeptConnections } from './kept-connections.js';

describe('KeptConnections', () => {
  const open: Server[] = [];
  afterEach(() => {
    for (const it of open.splice(0)) it.closeAllConnections();
  });

  /** An upstream that responds at once, or, to `/open`, never ends its response. */
  async function start() {
    const server = createServer((req, res) => {
      res.write('some bytes');
      if (req.url !== '/open') res.end();
    });
    open.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    server.unref();
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const clock = new FakeClock();
    const agent = new Agent({ keepAlive: true });
    const kept = new KeptConnections(agent, clock);
    const ask = async (path = '/'): Promise<IncomingMessage> => {
      const request = get({ port, path, agent });
      return await new Promise((resolve) => {
        request.on('error', () => undefined).once('response', resolve);
      });
    };
    const serve = async (): Promise<void> => {
      const response = await ask();
      response.resume();
      await once(response, 'close');
      await new Promise((resolve) => setImmediate(resolve)); // the agent takes the connection back
    };
    const idle = () => Object.values(agent.freeSockets).flatMap((it) => it ?? []).length;
    return { clock, kept, ask, serve, idle };
  }

  it('closes the connections that were idle for longer, counted from their last use', async () => {
    const { clock, kept, serve, idle } = await start();
    await serve();
    clock.advance(20 * SECOND);
    await serve();
    clock.advance(20 * SECOND);
    kept.dropIdle(30 * SECOND);
    expect(idle()).toBe(1);
    clock.advance(11 * SECOND);
    kept.dropIdle(30 * SECOND);
    await expect.poll(idle).toBe(0);
  });

  it('leaves connections in use alone, unless their local address has gone', async () => {
    const { kept, ask, serve, idle } = await start();
    const running = await ask('/open');
    await serve();
    kept.dropIdle();
    await expect.poll(idle).toBe(0);
    kept.dropFrom((local) => local === '192.0.2.7');
    expect(running.destroyed).toBe(false);
    const closed = new Promise((resolve) => {
      running.on('error', () => undefined).once('close', resolve);
    });
    running.resume();
    kept.dropFrom((local) => local?.replace('::ffff:', '') === '127.0.0.1');
    await closed;
    expect(running.complete).toBe(false);
  });
});
