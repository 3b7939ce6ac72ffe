import { type Server, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { limits } from '../../config/limits.js';
import { errorCode } from '../../runtime/pool-error.js';
import { ClientConnections } from './client-connections.js';
import { type BadRequest, badRequestOf } from './parser-errors.js';

/** Responds in JSON to broken requests, to which Node would respond without a body. */
@Injectable()
export class BadRequests {
  private readonly handled = new WeakSet<Socket>();

  constructor(private readonly connections: ClientConnections) {}

  attach(server: Server): void {
    server.on('clientError', (error: Error, socket: Duplex) => {
      if (socket instanceof Socket && socket.writable && errorCode(error) !== 'ECONNRESET')
        void this.respond(error, socket);
      else socket.destroy();
    });
  }

  /**
   * Waits for the earlier responses. Breaks the connection if a response to the broken request has begun, or if the
   * client has closed its side while responses are due: then it has left.
   */
  private async respond(error: Error, socket: Socket): Promise<void> {
    const isLate = errorCode(error) === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isLate && this.connections.isHeldBack(socket)) return; // it has arrived, but is not parsed yet
    if (this.handled.has(socket)) return; // bytes after the broken ones cause more errors
    this.handled.add(socket);
    const isAtEnd = errorCode(error) === 'HPE_INVALID_EOF_STATE';
    const onEnd = () => void socket.destroy();
    if (isAtEnd && this.connections.hasOthers(socket)) return onEnd();
    socket.once('end', onEnd);
    const hasBegun = await this.connections.earlierEnded(socket);
    if (hasBegun) socket.destroy();
    if (!socket.writable) return;
    socket.off('end', onEnd).end(responseOf(badRequestOf(error)));
    if (isAtEnd) return;
    // With unread bytes, closing would reset the connection, and the client might lose the response.
    socket.once('end', () => socket.destroySoon());
    const timer = setTimeout(() => socket.destroy(), limits.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }
}

function responseOf({ status, code, message, headers = {} }: BadRequest): string {
  const body = JSON.stringify({ error: { type: 'invalid_request', code, message } });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `x-codex-pool-error: ${code}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
