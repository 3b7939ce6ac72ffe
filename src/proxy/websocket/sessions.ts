import { Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import { Faults } from '../../observability/faults.js';
import { Drain } from '../../runtime/drain.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import { ClientMessages } from './client-messages.js';
import { SocketSession } from './session.js';
import { SocketTurns } from './socket-turns.js';

const STOPPING = 'codex-pool is stopping';

/** All client WebSockets. A stop closes each as soon as no turn runs on it. */
@Injectable()
export class SocketSessions {
  private readonly sessions = new Set<SocketSession>();

  constructor(
    private readonly turns: SocketTurns,
    private readonly messages: ClientMessages,
    private readonly drain: Drain,
    private readonly faults: Faults,
    suspends: SuspendDetector,
    registry: AccountRegistry,
  ) {
    drain.onStart(() => this.restart(STOPPING, (it) => !it.isBusy));
    // The connections may be dead, and neither side would notice for a long time.
    suspends.onWake(() => this.restart('the machine was suspended', () => true));
    registry.onWithdraw((account) => this.restartIdleOf(account));
  }

  get size(): number {
    return this.sessions.size;
  }

  /** Whether there is room for one more session, given this many pending handshakes. */
  hasRoom(pending: number): boolean {
    return this.sessions.size + pending < limits.clientSockets;
  }

  /** Starts relaying between a client and upstream. `upgrade` asked for the WebSocket; its headers name the session. */
  begin(client: WebSocket, upstream: UpstreamSocket, upgrade: ProxyRequest, path: string): void {
    const session: SocketSession = new SocketSession(
      client,
      upstream,
      {
        messages: this.messages,
        sessionKey: upgrade.sessionKey,
        serve: (message, to, socket, gone) => this.turns.serve(upgrade, path, message, to, socket, gone),
        isDraining: () => this.drain.isDraining,
        failed: (error) => this.faults.note('websocket', error, { request: upgrade.id }),
      },
      () => {
        this.sessions.delete(session);
        upgrade[Symbol.dispose]();
      },
    );
    this.sessions.add(session);
    // Either may have happened during the handshake.
    if (this.drain.isDraining) session.restart(STOPPING);
    else if (upstream.account.withdrawal !== null) session.restart('its account has left the pool');
  }

  /** Closes all sessions, including running turns. */
  endAll(): void {
    this.restart(STOPPING, () => true);
  }

  private restartIdleOf(account: Account): void {
    this.restart('its account has left the pool', (it) => !it.isBusy && it.isOf(account));
  }

  private restart(reason: string, which: (session: SocketSession) => boolean): void {
    for (const it of this.sessions) if (which(it)) it.restart(reason);
  }
}
