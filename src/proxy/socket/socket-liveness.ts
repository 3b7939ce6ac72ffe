import type { Socket } from 'node:net';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { WebSocket } from 'ws';
import { limits } from '../../config/limits.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { hasLeft, NetworkDetector } from '../../runtime/network-detector.js';
import { wasSuspended } from '../../runtime/suspend-detector.js';
import { nextPulse, type Pulse } from './pulse.js';

interface Watched {
  readonly connection: Socket;
  pulse: Pulse;
}

/**
 * Pings upstream's WebSockets and terminates those that owe a pong for too long, or whose own address the machine has
 * lost. One timer for all of them.
 */
@Injectable()
export class SocketLiveness implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SocketLiveness.name);
  private readonly watched = new Map<WebSocket, Watched>();
  private ticking: Disposable | null = null;
  private tickedAt: number;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    network: NetworkDetector,
  ) {
    this.tickedAt = clock.now();
    network.onChange((addresses) => {
      for (const [socket, { connection }] of this.watched)
        if (hasLeft(connection.localAddress, addresses)) socket.terminate();
    });
  }

  onApplicationBootstrap(): void {
    this.tickedAt = this.clock.now();
    this.ticking = this.clock.every?.(limits.socketCheckMs, () => this.tick()) ?? null;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  /** Watches an open socket until it closes. `connection`: the one that carries it. */
  watch(socket: WebSocket, connection: Socket): void {
    this.watched.set(socket, { connection, pulse: { kind: 'alive', since: this.clock.now() } });
    socket.once('close', () => this.watched.delete(socket));
  }

  private tick(): void {
    const now = this.clock.now();
    const hasSlept = wasSuspended(this.tickedAt, now);
    this.tickedAt = now;
    for (const [socket, watched] of this.watched) {
      if (hasSlept) watched.pulse = { kind: 'alive', since: now };
      else if (socket.readyState === WebSocket.OPEN) this.look(socket, watched, now);
    }
  }

  private look(socket: WebSocket, watched: Watched, now: number): void {
    const { pulse, connection } = watched;
    watched.pulse = nextPulse(pulse, { now, bytes: connection.bytesRead, isPaused: socket.isPaused });
    if (watched.pulse === pulse) return;
    if (watched.pulse.kind === 'owing') socket.ping();
    if (watched.pulse.kind !== 'dead') return;
    this.logger.warn('upstream owes a pong; its WebSocket is closed', { afterMs: limits.socketPongMs });
    socket.terminate();
  }
}
