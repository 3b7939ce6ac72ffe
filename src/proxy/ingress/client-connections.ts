import { once } from 'node:events';
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { bufferHandshake } from './handshake-buffer.js';

/** A connection that Node has handed over, when its turn has come: for one response, or another protocol. */
export interface HandedOver {
  /** Closes the connection when it is sent. */
  readonly res: ServerResponse;
  /** What has come behind the head of the request. */
  readonly head: Buffer;
}

/**
 * The connections of clients, each with the responses that are not over. Node tells the response whose turn it is
 * that its connection has closed, but not those that wait behind it; and after CONNECT or an upgrade it tells
 * none. Here each of them gets its `close`, so that whatever ends a connection ends all its requests.
 */
@Injectable()
export class ClientConnections {
  private readonly open = new Map<Socket, Set<ServerResponse>>();

  /** Follows the connections of a server from now on. */
  attach(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.open.set(socket, new Set());
      // On the next tick: Node's own listeners come first.
      socket.once('close', () => process.nextTick(() => this.over(socket)));
    });
    server.prependListener('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
      const responses = this.open.get(socket);
      if (responses === undefined) return abandon(res);
      responses.add(res);
      res.once('close', () => process.nextTick(() => this.closed(responses, res)));
    });
  }

  /**
   * Resolves when all responses before have ended (RFC 9112 9.3.2: they go out in order); with null when the
   * connection has ended by then. From here on it is the caller's: Node reads and watches it no more.
   */
  async handedOver(req: IncomingMessage, socket: Socket, head: Buffer): Promise<HandedOver | null> {
    socket.on('error', () => undefined); // its close follows
    const takeHead = bufferHandshake(socket, head);
    await this.allEnded(socket);
    if (socket.destroyed || socket.writableEnded) return null;
    socket.setTimeout(0); // the pause between two requests has no meaning any more
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => {
      res.detachSocket(socket);
      socket.destroySoon();
    });
    return { res, head: takeHead() };
  }

  /**
   * Resolves when the responses to all requests that have come whole have ended; tells whether one to a request
   * that has not come whole has begun.
   */
  async earlierEnded(socket: Socket): Promise<boolean> {
    const responses = this.open.get(socket) ?? new Set();
    for (const res of responses) if (res.req.complete) await ended(res);
    return [...responses].some((it) => it.headersSent);
  }

  /** Ends every connection, whatever runs on it. */
  endAll(): void {
    for (const socket of this.open.keys()) socket.destroy();
  }

  private async allEnded(socket: Socket): Promise<void> {
    const responses = this.open.get(socket) ?? new Set();
    // Node no longer tells the response under way that its reader keeps up again.
    const onDrain = () => {
      for (const it of responses) if (it.socket === socket && it.writableNeedDrain) it.emit('drain');
    };
    socket.on('drain', onDrain);
    for (const res of responses) await ended(res);
    socket.off('drain', onDrain);
  }

  /** A listener that throws keeps the ones behind it from being told: they are, now. */
  private closed(responses: Set<ServerResponse>, res: ServerResponse): void {
    responses.delete(res);
    if (res.listenerCount('close') > 0) res.emit('close');
  }

  private over(socket: Socket): void {
    const responses = this.open.get(socket) ?? [];
    this.open.delete(socket);
    for (const res of responses) abandon(res);
  }
}

/** As Node does it with the response whose turn it is. */
function abandon(res: ServerResponse): void {
  res.destroy();
  res.emit('close');
}

async function ended(res: ServerResponse): Promise<void> {
  if (!res.closed) await once(res, 'close');
}
