import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { errorCode } from '../../runtime/pool-error.js';
import { ClientConnections } from './client-connections.js';

interface Reason {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const malformed: Reason = {
  status: 400,
  code: 'malformed_request',
  message: 'The request is not valid HTTP/1.1 (RFC 9112).',
};
const reasons: Readonly<Record<string, Reason>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers_too_large',
    message: 'The head of the request is too large.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: 'chunk_extensions_too_large',
    message: 'The chunk extensions of the request are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request_timeout',
    message: 'The head of the request did not arrive in time.',
  },
};

/** Responds in JSON to broken requests, to which Node would respond without a body. */
@Injectable()
export class BadRequests {
  private readonly handled = new WeakSet<Socket>();

  constructor(private readonly connections: ClientConnections) {}

  attach(server: Server): void {
    server.on('clientError', (error: Error, socket: Duplex) => {
      if (socket instanceof Socket && socket.writable && errorCode(error) !== 'ECONNRESET')
        void this.respond(reasons[errorCode(error) ?? ''] ?? malformed, socket);
      else socket.destroy();
    });
    // Unknown expectations may be ignored (RFC 9110 10.1.1). They are not sent upstream.
    server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
      server.emit('request', req, res);
    });
  }

  /** Waits for the earlier responses. Breaks the connection if a response to the broken request has begun. */
  private async respond(reason: Reason, socket: Socket): Promise<void> {
    if (this.handled.has(socket)) return; // bytes after the broken ones cause more errors
    this.handled.add(socket);
    const hasBegun = await this.connections.earlierEnded(socket);
    if (hasBegun || !socket.writable) return void socket.destroy();
    socket.write(responseOf(reason));
    socket.destroySoon();
  }
}

function responseOf({ status, code, message }: Reason): string {
  const body = JSON.stringify({ error: { type: 'invalid_request', code, message } });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-codex-pool-error: ${code}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
