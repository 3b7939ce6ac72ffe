import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Server, Socket } from 'node:net';
import { limits } from '../../config/limits.js';
import { PROBLEM_TYPE, problemDetails } from '../../runtime/problem-details.js';
import { bodyStalled } from '../request/client-leaving.js';
import { sendJson, sendLocalResponse } from '../response/local-response.js';
import { Admission } from './admission.js';
import { bodyTimeout } from './body-timeout.js';
import { ClientConnections } from './client-connections.js';

/** Bytes that a connection had received when it was last seen to make progress, and when (`performance.now()`). */
interface Progress {
  readonly bytes: number;
  readonly at: number;
}

/**
 * Ends requests whose bodies stand still, whatever reads them, and connections whose client still owes the body of a
 * request that has had its response. One timer looks at all connections, so that a request costs nothing.
 */
@Injectable()
export class StalledBodies {
  private readonly progress = new WeakMap<Socket, Progress>();

  constructor(
    private readonly connections: ClientConnections,
    private readonly admission: Admission,
  ) {}

  attach(server: Server): void {
    const timer = setInterval(() => this.check(), limits.bodyCheckMs).unref();
    server.once('close', () => clearInterval(timer));
  }

  private check(): void {
    const now = performance.now();
    for (const { socket, res } of this.connections.unfinishedBodies()) {
      const before = this.progress.get(socket);
      const bytes = socket.bytesRead;
      // If bytes wait to be read, the reader is slow, not the client.
      if (before === undefined || before.bytes !== bytes || isUnread(socket, res))
        this.progress.set(socket, { bytes, at: now });
      else if (now - before.at >= limits.bodyStallMs) this.end(socket, res);
    }
  }

  private end(socket: Socket, res: ServerResponse): void {
    if (res.writableFinished) return void socket.destroy();
    if (res.headersSent) return; // the client may be waiting for the rest of its response
    res.once('finish', () => socket.destroySoon());
    const { method = '', url = '' } = res.req;
    if (this.admission.target(method, url, false).route.kind !== 'operator')
      sendLocalResponse(res, bodyTimeout);
    else {
      const { status, code, message, headers } = bodyTimeout;
      sendJson(res, status, problemDetails(status, code, message), {
        ...headers,
        'content-type': PROBLEM_TYPE,
      });
    }
    for (const it of [res, res.req]) it.emit(bodyStalled);
  }
}

function isUnread(socket: Socket, { req }: ServerResponse): boolean {
  return socket.isPaused() || req.readableLength > 0;
}
