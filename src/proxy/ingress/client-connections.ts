import { type EventEmitter, once } from 'node:events';
import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { bufferHandshake } from './handshake-buffer.js';
import { Pipeline } from './pipeline.js';

/** A connection that Node has handed over, once the earlier responses have ended: for a response or another protocol. */
export interface Takeover {
  /** Closes the connection when it has been sent. */
  readonly res: ServerResponse;
  /** The bytes that followed the head of the request. */
  readonly head: Buffer;
}

/**
 * Tracks client connections, each with its unfinished responses. When a connection closes, Node emits `close` only on
 * the response being sent. Responses queued behind it get none, and neither does any response after CONNECT or an
 * upgrade. This class emits it on all of them, so that the end of a connection ends all its requests.
 */
@Injectable()
export class ClientConnections {
  private readonly open = new Map<Socket, Pipeline>();

  /** Starts to track the connections of a server. */
  attach(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.open.set(socket, new Pipeline(socket));
      // On the next tick: Node's own listeners come first.
      socket.once('close', () => process.nextTick(() => this.over(socket)));
    });
    takeFrom(server, (req, res, serve) => this.takes(req.socket, res, serve));
  }

  /** Takes up a new request (`request`, `checkContinue` or `checkExpectation`); false if it is not new. */
  private takes(socket: Socket, res: ServerResponse, serve: () => void): boolean {
    const pipeline = this.open.get(socket);
    if (pipeline === undefined) {
      abandon(res);
      return false;
    }
    if (pipeline.has(res)) return false;
    res.once('close', () => process.nextTick(() => closed(pipeline, res)));
    pipeline.take(res, serve);
    return true;
  }

  /**
   * Resolves when all earlier responses have ended (RFC 9112 9.3.2: they are sent in order); with null if the
   * connection has ended by then. The caller then owns the connection: Node no longer reads or watches it.
   */
  async takeOver(req: IncomingMessage, socket: Socket, head: Buffer): Promise<Takeover | null> {
    socket.on('error', () => undefined); // `close` follows
    this.open.get(socket)?.handOver();
    const takeHead = bufferHandshake(socket, head);
    await this.allEnded(socket);
    if (socket.destroyed || socket.writableEnded) return null;
    socket.setTimeout(0); // the keep-alive timeout no longer applies
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => {
      res.detachSocket(socket);
      socket.destroySoon();
      res.emit('close'); // Node no longer does; whoever sends the response waits for it
    });
    return { res, head: takeHead() };
  }

  /**
   * Resolves when the responses to all complete requests have ended: true if a response to an incomplete request has
   * begun.
   */
  async earlierEnded(socket: Socket): Promise<boolean> {
    const responses = this.responsesOn(socket);
    for (;;) {
      const due = responses.find((it) => it.req.complete && !it.closed);
      if (due === undefined) return responses.some((it) => !it.closed && it.headersSent);
      await once(due, 'close');
    }
  }

  /** Whether responses to complete requests are due. */
  hasOthers(socket: Socket): boolean {
    return this.responsesOn(socket).some((it) => it.req.complete);
  }

  /** The connections whose last request is still incomplete, although its turn has come and nothing holds it back. */
  *unfinishedBodies(): Iterable<{ readonly socket: Socket; readonly res: ServerResponse }> {
    for (const [socket, pipeline] of this.open) {
      const { latest } = pipeline;
      if (latest !== null && !latest.req.complete && !pipeline.isHeldBack) yield { socket, res: latest };
    }
  }

  /** Whether bytes of the client wait until earlier requests have been served. */
  isHeldBack(socket: Socket): boolean {
    return this.open.get(socket)?.isHeldBack === true;
  }

  /** Destroys every connection, even if requests are running on it. */
  endAll(): void {
    for (const socket of this.open.keys()) socket.destroy();
  }

  private async allEnded(socket: Socket): Promise<void> {
    const responses = this.responsesOn(socket);
    // Node no longer emits `drain` on the response being sent.
    const onDrain = () => {
      for (const it of responses) if (it.socket === socket && it.writableNeedDrain) it.emit('drain');
    };
    socket.on('drain', onDrain);
    for (const res of responses.slice()) await ended(res);
    socket.off('drain', onDrain);
  }

  /** Responses leave the list when they have ended. */
  private responsesOn(socket: Socket): readonly ServerResponse[] {
    return this.open.get(socket)?.responses ?? [];
  }

  private over(socket: Socket): void {
    const pipeline = this.open.get(socket);
    this.open.delete(socket);
    pipeline?.over();
    for (const res of pipeline?.responses.slice() ?? []) abandon(res);
  }
}

/** Passes the requests that a server emits to `takes`; those that it does not take are emitted at once. */
function takeFrom(
  server: EventEmitter,
  takes: (req: IncomingMessage, res: ServerResponse, serve: () => void) => boolean,
): void {
  const emit = server.emit.bind(server);
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [req, res] = args;
    const isRequest = req instanceof IncomingMessage && res instanceof ServerResponse;
    return (isRequest && takes(req, res, () => emit(event, ...args))) || emit(event, ...args);
  };
}

/** If a `close` listener throws, the ones behind it are not called. Those get the event here. */
function closed(pipeline: Pipeline, res: ServerResponse): void {
  pipeline.ended(res);
  if (res.listenerCount('close') > 0) res.emit('close');
}

/** Does what Node does with the response being sent. */
function abandon(res: ServerResponse): void {
  res.destroy();
  res.emit('close');
}

async function ended(res: ServerResponse): Promise<void> {
  if (!res.closed) await once(res, 'close');
}
