import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import { Faults } from '../../observability/faults.js';
import { Drain } from '../../runtime/drain.js';
import { NetworkDetector } from '../../runtime/network-detector.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { TickCork } from '../socket/tick-cork.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import { ClientMessages } from './client-messages.js';
import type { OpenSocket } from './open-socket.js';
import { SocketSession } from './session.js';
import { SideRelay } from './side-relay.js';
import { SocketTurns } from './socket-turns.js';

const STOPPING = 'codex-pool is stopping';

/** All client WebSockets, those without turns included. A stop closes each as soon as no turn runs on it. */
@Injectable()
export class SocketSessions {
  private readonly sessions = new Set<OpenSocket>();

  constructor(
    private readonly turns: SocketTurns,
    private readonly messages: ClientMessages,
    private readonly drain: Drain,
    private readonly faults: Faults,
    suspends: SuspendDetector,
    network: NetworkDetector,
    registry: AccountRegistry,
  ) {
    drain.onStart(() => this.restart(STOPPING, (it) => !it.isBusy));
    // The connections may be dead, and neither side would notice for a long time.
    suspends.onWake(() => this.restartAll('the machine was suspended'));
    // A running turn shows whether its connection is alive; the pings end the others.
    network.onChange(() => this.restart('the network of the machine has changed', (it) => !it.isBusy));
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
  begin(
    client: WebSocket,
    connection: Duplex,
    upstream: UpstreamSocket,
    upgrade: ProxyRequest,
    path: string,
  ): void {
    const session: SocketSession = new SocketSession(
      client,
      new TickCork(connection),
      upstream,
      {
        messages: this.messages,
        sessionKey: upgrade.sessionKey,
        serve: (message, to, socket, gone) => this.turns.serve(upgrade, path, message, to, socket, gone),
        isDraining: () => this.drain.isDraining,
        failed: (error) => this.failed(upgrade, error),
      },
      () => this.ended(session, upgrade),
    );
    this.began(session, upstream);
  }

  /** Starts relaying a WebSocket that carries no turns. */
  beginSide(client: WebSocket, upstream: UpstreamSocket, upgrade: ProxyRequest): void {
    const relay: SideRelay = new SideRelay(
      client,
      upstream,
      (error) => this.failed(upgrade, error),
      () => this.ended(relay, upgrade),
    );
    this.began(relay, upstream);
  }

  /** Closes all sessions, including running turns, and asks the clients to reconnect. */
  restartAll(reason: string): void {
    this.restart(reason, () => true);
  }

  /** Closes all sessions at the end of a stop. */
  endAll(): void {
    this.restartAll(STOPPING);
  }

  private began(session: OpenSocket, { account }: UpstreamSocket): void {
    this.sessions.add(session);
    // Either may have happened during the handshake.
    if (this.drain.isDraining) session.restart(STOPPING);
    else if (account.withdrawal !== null) session.restart('its account has left the pool');
  }

  private ended(session: OpenSocket, upgrade: ProxyRequest): void {
    this.sessions.delete(session);
    upgrade[Symbol.dispose]();
  }

  private failed({ id }: ProxyRequest, error: unknown): void {
    this.faults.note('websocket', error, { request: id });
  }

  private restartIdleOf(account: Account): void {
    this.restart('its account has left the pool', (it) => !it.isBusy && it.isOf(account));
  }

  private restart(reason: string, which: (session: OpenSocket) => boolean): void {
    for (const it of this.sessions) if (which(it)) it.restart(reason);
  }
}
