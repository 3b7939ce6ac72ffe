import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type RelayEnd, relayStream } from './relay.js';

const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const chunkOf = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const lastChunk = '0\r\n\r\n';

describe('relayStream', () => {
  const open: (Server | ReturnType<typeof createTcpServer>)[] = [];
  const sockets = new Set<Socket>();
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(open.splice(0).map(async (it) => await new Promise((done) => it.close(done))));
  });

  it('relays the chunks of one read in one write, in order', async () => {
    const parts = Array.from({ length: 200 }, (_, at) => `part ${at};`);
    const { client, end } = await relayed((upstream) => {
      upstream.end(head + parts.map(chunkOf).join('') + lastChunk);
    });
    const raw = await textOf(client);
    expect(raw.replaceAll(/^[0-9a-f]+\r\n|\r\n/gm, '')).toContain(parts.join(''));
    expect(raw.match(/^[0-9a-f]+\r$/gm)?.length).toBeLessThan(10); // a size line per write
    expect(await end).toBe('complete');
  });

  it('keeps the order when single chunks and several at once take turns', async () => {
    const reads = ['a', 'b', 'c', 'def', 'g', 'hi', 'j', 'k', 'lmno', 'p'];
    const seen: string[] = [];
    const { client, end, watched } = await relayed((upstream) => {
      void (async () => {
        upstream.write(head);
        for (const it of reads) {
          const before = seen.join('').length;
          upstream.write(it.split('').map(chunkOf).join(''));
          await expect.poll(() => seen.join('').length).toBe(before + it.length);
        }
        upstream.end(lastChunk);
      })();
    });
    client.on('data', (bytes: Buffer) => {
      const body = bytes.toString('latin1').replace(/^HTTP[^]*?\r\n\r\n/, '');
      seen.push(body.replaceAll(/[0-9a-f]+\r\n([a-z]*)\r\n/g, '$1'));
    });
    expect(await end).toBe('complete');
    expect(Buffer.concat(watched).toString()).toBe(reads.join(''));
    await expect.poll(() => seen.join('').replaceAll('\r\n', '')).toContain(reads.join(''));
  });

  it('shows each byte once to the watcher', async () => {
    const { client, end, watched } = await relayed((upstream) => {
      upstream.end(head + chunkOf('one ') + chunkOf('two') + lastChunk);
    });
    await textOf(client);
    await end;
    expect(Buffer.concat(watched).toString()).toBe('one two');
  });

  it('relays everything that arrived before upstream broke off, then breaks off too', async () => {
    const { client, end } = await relayed((upstream) => {
      upstream.end(head + chunkOf('one') + chunkOf('two')); // without its last chunk
    });
    const raw = await textOf(client);
    expect(raw).toContain('onetwo');
    expect(raw).not.toContain(lastChunk);
    expect(await end).toBe('cut');
  });

  it('closes upstream when the client leaves', async () => {
    const closed = Promise.withResolvers<void>();
    const { client, end } = await relayed((upstream) => {
      upstream.on('close', closed.resolve).write(head + chunkOf('one'));
    });
    await once(client, 'data');
    client.destroy();
    expect(await end).toBe('client-gone');
    await closed.promise;
  });

  it('makes upstream wait for a client that does not read', async () => {
    const much = 64 * 1_024 * 1_024;
    const piece = chunkOf('x'.repeat(64 * 1_024));
    const stalled = Promise.withResolvers<number>();
    const { client } = await relayed((upstream) => {
      let sent = 0;
      upstream.write(head);
      while (sent < much && upstream.write(piece)) sent += piece.length;
      const more = () => {
        while (sent < much) {
          sent += piece.length;
          if (!upstream.write(piece)) return;
        }
      };
      upstream.on('drain', more);
      const look = setInterval(() => {
        if (upstream.writableLength > 0 && upstream.bytesWritten === last) stalled.resolve(sent);
        last = upstream.bytesWritten;
      }, 200);
      let last = -1;
      upstream.once('close', () => clearInterval(look));
      more();
    }, 'does not read');
    expect(await stalled.promise).toBeLessThan(much / 2);
    client.destroy();
  });

  it('ends a response that has already ended', async () => {
    const { client, end } = await relayed(
      (upstream) => upstream.end(head + lastChunk),
      'reads',
      async (from) => {
        from.resume();
        await once(from, 'close');
      },
    );
    expect(await textOf(client)).toContain(lastChunk);
    expect(await end).toBe('complete');
  });

  it('breaks off when the response is already broken', async () => {
    const { client, end } = await relayed(
      (upstream) => upstream.end(head + chunkOf('one')),
      'reads',
      async (from) => {
        from.once('error', () => undefined).resume();
        await once(from, 'close').catch(() => undefined);
      },
    );
    expect(await textOf(client)).not.toContain(lastChunk);
    expect(await end).toBe('cut');
  });

  it('stops upstream when the client has already left', async () => {
    const closed = Promise.withResolvers<void>();
    const { end } = await relayed(
      (upstream) => upstream.on('close', closed.resolve).write(head + chunkOf('one')),
      'reads',
      async (_from, to) => {
        to.socket?.destroy();
        while (!to.destroyed) await nextTurn();
      },
    );
    expect(await end).toBe('client-gone');
    await closed.promise;
  });

  /** A client over a real relay to an upstream of raw bytes. */
  async function relayed(
    upstream: (socket: Socket) => unknown,
    reading: 'reads' | 'does not read' = 'reads',
    before: (from: IncomingMessage, to: ServerResponse) => Promise<void> = async () => undefined,
  ): Promise<{ client: Socket; end: Promise<RelayEnd>; watched: Buffer[] }> {
    const watched: Buffer[] = [];
    const end = Promise.withResolvers<RelayEnd>();
    const source = createTcpServer((socket) => {
      socket.on('error', () => undefined).once('data', () => upstream(socket));
    });
    const relay = createServer((_req, res) => {
      get({ port: portOf(source), agent: false }, (from) => {
        void before(from, res).then(() => {
          res.flushHeaders();
          end.resolve(relayStream(from, res, (bytes) => watched.push(bytes)));
        });
      });
    });
    for (const it of [source, relay]) {
      open.push(it);
      it.on('connection', (socket: Socket) => sockets.add(socket));
      it.listen(0, '127.0.0.1');
      await once(it, 'listening');
    }
    const client = connect(portOf(relay), '127.0.0.1');
    sockets.add(client);
    client.on('error', () => undefined);
    if (reading === 'does not read') client.pause();
    client.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    return { client, end: end.promise, watched };
  }
});

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

async function textOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
