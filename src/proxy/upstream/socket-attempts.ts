import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { isAboutMessage } from '../socket/close-code.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import type { Attempted } from './attempted.js';
import { classifyFailure } from '../outcome/event-failure.js';
import { peekMessages } from './message-peek.js';
import { mentionsModel } from '../outcome/model-refusal.js';

/** The result of a turn on a socket, up to its first output. */
type SocketTurn = Pick<Attempted, 'outcome' | 'status' | 'headers' | 'socket' | 'headAt'>;

/** A turn to send on a socket. A prewarm asks for no output, so its success proves nothing about turns. */
interface SocketRequest {
  readonly message: Buffer;
  readonly isPrewarm: boolean;
  readonly model: () => Promise<string | null>;
}

/** Makes the attempts of turns on open WebSockets. */
@Injectable()
export class SocketAttempts {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly watch: UpstreamMonitor,
  ) {}

  /**
   * Sends the message of a turn and holds the response until its first output. `head`: the headers of the handshake,
   * if the socket was opened for this turn.
   */
  async run(
    upstream: UpstreamSocket,
    turn: SocketRequest,
    head: IncomingHttpHeaders,
    stop: AbortSignal,
  ): Promise<SocketTurn> {
    const wasReused = upstream.hasServed;
    upstream.ws.send(turn.message, { binary: false, compress: true });
    const peek = await peekMessages(upstream, stop);
    if (peek.firstAt !== null) this.watch.note({ kind: 'answered' });
    const common = {
      status: null,
      headers: head,
      socket: { upstream, held: peek.held },
      headAt: peek.firstAt ?? performance.now(),
    };
    switch (peek.kind) {
      case 'output':
        upstream.served();
        return { ...common, status: 200, outcome: { kind: turn.isPrewarm ? 'opened' : 'success' } };
      case 'failed': {
        const { status, headers } = peek.failure;
        const model = mentionsModel(peek.failure.envelope) ? await turn.model() : null;
        const outcome = classifyFailure(peek.failure, { route: 'turn', model }, this.clock.now());
        return { ...common, status, headers: { ...head, ...headers }, outcome };
      }
      case 'closed': {
        if (isAboutMessage(peek.end.code)) return { ...common, outcome: { kind: 'client-error' } };
        const reason = `the WebSocket closed with ${peek.end.code} before any output`;
        return { ...common, outcome: { kind: 'unreachable', wasReused, reason } };
      }
      case 'stopped':
        return { ...common, outcome: { kind: 'unreachable', wasReused: false, reason: 'stopped' } };
      default:
        return peek satisfies never;
    }
  }
}
