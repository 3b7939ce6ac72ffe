import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { egressSchema } from '../../config/egress.config.js';
import { limits } from '../../config/limits.js';
import { canConnect } from './connection-probe.js';

describe('a probe', () => {
  const open: Server[] = [];
  afterEach(() => {
    vi.useRealTimers();
    for (const it of open.splice(0)) it.close();
  });

  /** A server that hands over its connections, as a proxy that the test speaks for. */
  async function start() {
    const server = createServer((socket) => socket.on('error', () => undefined));
    open.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { server, port };
  }

  it.each(['http://upstream.example', 'https://upstream.example'])(
    'to %s leaves no connection behind, even if the tunnel opens after its end',
    async (target) => {
      const { server, port } = await start();
      const egress = egressSchema.parse({ ALL_PROXY: `http://127.0.0.1:${port}` });
      const asked = once(server, 'connection');
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const probe = canConnect(new URL(target), egress);
      const [socket]: Socket[] = await asked;
      if (socket === undefined) throw new Error('no connection');
      await once(socket, 'data');
      vi.advanceTimersByTime(limits.probeMs);
      expect(await probe).toBe(false);
      const closed = once(socket.resume(), 'close');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      await closed;
    },
  );
});
