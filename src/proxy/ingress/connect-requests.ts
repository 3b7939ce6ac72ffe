import { type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Faults } from '../../observability/faults.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { Admission } from './admission.js';
import { ClientConnections } from './client-connections.js';

const noTunnels: LocalResponse = {
  status: 405,
  code: 'method_not_allowed',
  type: 'invalid_request',
  message: 'codex-pool opens no tunnels.',
  headers: { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' },
};

/** CONNECT (RFC 9110 9.3.6), which does not come as a request: refused in its turn, and the connection is closed. */
@Injectable()
export class ConnectRequests {
  constructor(
    private readonly connections: ClientConnections,
    private readonly admission: Admission,
    private readonly faults: Faults,
  ) {}

  attach(server: Server): void {
    server.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof Socket) void this.refuse(req, socket, head);
      else socket.destroy();
    });
  }

  private async refuse(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const handed = await this.connections.handedOver(req, socket, head);
      if (handed !== null) sendLocalResponse(handed.res, this.why(req));
    } catch (error) {
      this.faults.note('connection', error);
      socket.destroy();
    }
  }

  private why(req: IncomingMessage): LocalResponse {
    const { admission } = this;
    const denied =
      admission.whyForbidden(req, req.url ?? '') ?? admission.whyWrongToken(req) ?? admission.whyStopping();
    return denied ?? noTunnels;
  }
}
