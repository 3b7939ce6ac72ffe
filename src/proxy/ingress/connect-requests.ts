import { type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Faults } from '../../observability/faults.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { allowedMethods } from './allowed-methods.js';
import { Admission } from './admission.js';
import { ClientConnections } from './client-connections.js';

const noTunnels: LocalResponse = {
  status: 405,
  code: 'method_not_allowed',
  type: 'invalid_request',
  message: 'codex-pool does not open tunnels.',
  headers: { allow: allowedMethods },
};

/** Rejects CONNECT (RFC 9110 9.3.6), which Node reports as a separate event: after earlier responses, then closes. */
@Injectable()
export class ConnectRequests {
  constructor(
    private readonly connections: ClientConnections,
    private readonly admission: Admission,
    private readonly faults: Faults,
  ) {}

  attach(server: Server): void {
    server.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof Socket) void this.respond(req, socket, head);
      else socket.destroy();
    });
  }

  private async respond(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const handed = await this.connections.takeOver(req, socket, head);
      if (handed !== null) sendLocalResponse(handed.res, this.responseTo(req));
    } catch (error) {
      this.faults.note('connection', error);
      socket.destroy();
    }
  }

  private responseTo(req: IncomingMessage): LocalResponse {
    const { admission } = this;
    const denied =
      admission.whyForbidden(req, req.url ?? '') ?? admission.whyWrongToken(req) ?? admission.whyStopping();
    return denied ?? noTunnels;
  }
}
