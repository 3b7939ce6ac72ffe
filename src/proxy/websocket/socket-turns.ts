import { Injectable } from '@nestjs/common';
import { Faults } from '../../observability/faults.js';
import { Drain } from '../../runtime/drain.js';
import type { SessionSocket } from '../failover/failover-context.js';
import { Forwarder } from '../failover/forwarder.js';
import { type Intake, RequestIntake } from '../ingress/request-intake.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ClientMessages } from './client-messages.js';
import { TurnChannel, type TurnSession } from './turn-channel.js';

/** Serves the turns on WebSockets like any other request. */
@Injectable()
export class SocketTurns {
  constructor(
    private readonly intake: RequestIntake,
    private readonly forwarder: Forwarder,
    private readonly messages: ClientMessages,
    private readonly faults: Faults,
    private readonly drain: Drain,
  ) {}

  /**
   * Serves the turn in a message, on the WebSocket that `upgrade` asked for. Resolves when it has ended. Keeps no
   * reference to the message itself: the request lets go of it at the commit.
   */
  serve(
    upgrade: ProxyRequest,
    path: string,
    message: Buffer,
    session: TurnSession,
    socket: SessionSocket,
    gone: AbortSignal,
  ): Promise<void> {
    const channel = new TurnChannel(session, this.messages, this.faults);
    return this.intake
      .takeMessage(upgrade, message, gone)
      .then((taken) => this.run(taken, path, channel, socket));
  }

  private async run(taken: Intake, path: string, channel: TurnChannel, socket: SessionSocket): Promise<void> {
    using _place = this.drain.enter();
    const { request, record } = taken;
    await this.intake.during(taken, 'websocket', () =>
      this.forwarder.serve(request, channel, path, record, socket),
    );
  }
}
