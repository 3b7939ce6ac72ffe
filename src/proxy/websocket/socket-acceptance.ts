import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { type WebSocket, WebSocketServer } from 'ws';
import { limits } from '../../config/limits.js';
import type { RequestRecord } from '../failover/request-record.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { deflate } from '../socket/deflate.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import type { Arrival } from './arrival.js';

const SUBPROTOCOL = 'sec-websocket-protocol';
const badHandshake: LocalResponse = {
  status: 400,
  code: 'bad_websocket_handshake',
  type: 'invalid_request',
  message: '',
};

/** The parts that the library needs to end a handshake. */
interface Pending {
  /** Headers for the client, in addition to the library's own. */
  readonly headers: OutgoingHttpHeaders;
  /** The subprotocol that upstream has chosen; null if none. */
  readonly subprotocol: string | null;
  /** Sends the client the reason why its handshake is invalid. */
  readonly refuse: (error: Error) => void;
}

/** Completes the handshakes of clients whose WebSocket at upstream is open. */
@Injectable()
export class SocketAcceptance {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: deflate,
    skipUTF8Validation: true, // messages pass unchanged
    handleProtocols: (_offered, req) => this.pending.get(req)?.subprotocol ?? false,
  });
  private readonly pending = new WeakMap<IncomingMessage, Pending>();

  constructor() {
    this.server.on('headers', (lines, req) => {
      for (const [name, value] of Object.entries(this.pending.get(req)?.headers ?? {}))
        lines.push(`${name}: ${String(value)}`);
    });
    this.server.on('wsClientError', (error, _socket, req) => this.pending.get(req)?.refuse(error));
  }

  /**
   * Gives the client its WebSocket and calls `begin` with it. If the client has left, or its handshake is invalid,
   * upstream's socket is closed instead. `headers`: those of upstream's handshake, for the client.
   */
  accept(
    { req, res, socket, head }: Arrival,
    upstream: UpstreamSocket,
    headers: OutgoingHttpHeaders,
    record: RequestRecord,
    begin: (client: WebSocket) => void,
  ): void {
    if (socket.destroyed) {
      upstream.leave();
      return record.end('client gone', 499);
    }
    const refuse = (error: Error): void => {
      upstream.leave();
      sendLocalResponse(res, { ...badHandshake, message: `${error.message} (RFC 6455).` });
      record.end(badHandshake.code, badHandshake.status);
    };
    const chosen = headers[SUBPROTOCOL];
    const subprotocol = typeof chosen === 'string' ? chosen : null;
    this.pending.set(req, { headers: handshakeFields(headers), subprotocol, refuse });
    this.server.handleUpgrade(req, socket, head, (client) => {
      res.detachSocket(socket);
      record.end('opened', 101);
      begin(client);
    });
  }
}

/** Returns why a handshake is refused before upstream is asked; null if it is valid so far. */
export function whyBadHandshake({ headers }: IncomingMessage): LocalResponse | null {
  if (headers['sec-websocket-version'] !== '13') return otherVersion;
  const isValid =
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) === 0 && // a body would be read as WebSocket frames
    areSubprotocols(headers);
  return isValid ? null : { ...badHandshake, message: NEEDS };
}

const NEEDS =
  'A WebSocket needs a Sec-WebSocket-Key, no body, and only valid names in Sec-WebSocket-Protocol (RFC 6455).';

/** RFC 6455 4.4: the client learns which version to use. */
const otherVersion: LocalResponse = {
  ...badHandshake,
  status: 426,
  message: 'A WebSocket needs Sec-WebSocket-Version 13 (RFC 6455).',
  headers: { 'sec-websocket-version': '13', upgrade: 'websocket', connection: 'upgrade, close' },
};

/** Whether the offered subprotocols are different tokens (RFC 6455 4.1), or none is offered. */
function areSubprotocols(headers: IncomingHttpHeaders): boolean {
  const offered = headers[SUBPROTOCOL];
  if (offered === undefined) return true;
  const names = offered.split(',').map((it) => it.trim());
  return (
    names.every((it) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(it)) && new Set(names).size === names.length
  );
}

/**
 * Each side generates its own handshake headers (RFC 6455 4.2.2); the remaining upstream headers go to the client.
 */
function handshakeFields(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('sec-websocket-')));
}
