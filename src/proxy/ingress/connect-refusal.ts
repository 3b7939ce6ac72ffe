import { type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { whyRefused } from '../../boundary/request-guard.js';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { ClientConnections } from './client-connections.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { mayUse, wrongToken } from './client-token.js';
import { stopping } from './proxy.middleware.js';

const noTunnels: LocalResponse = {
  status: 405,
  code: 'method_not_allowed',
  type: 'invalid_request',
  message: 'codex-pool opens no tunnels.',
  headers: { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' },
};

/** CONNECT (RFC 9110 9.3.6), which does not come as a request: refused in its turn, and the connection is closed. */
@Injectable()
export class ConnectRefusal {
  constructor(
    private readonly connections: ClientConnections,
    private readonly drain: Drain,
    private readonly faults: Faults,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
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

  private why({ method = '', url = '', headers }: IncomingMessage): LocalResponse {
    const violation = whyRefused({ method, path: url, headers }, this.config.allowedHosts);
    if (violation !== null) return { status: 403, type: 'forbidden', ...violation };
    if (!mayUse(headers, this.config.clientToken)) return wrongToken;
    return this.drain.isDraining ? stopping : noTunnels;
  }
}
