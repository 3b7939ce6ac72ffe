import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { anyTurn } from '../../accounts/evidence/refusal-scope.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { OutcomeRecorder } from '../failover/outcome-recorder.js';
import { messageType } from '../request/message.js';
import { QUOTA_MESSAGE, withPoolQuota } from '../response/quota-message.js';
import type { SocketMessage, UpstreamSocket } from '../socket/upstream-socket.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import { failureInMessage } from '../outcome/event-failure.js';
import { failureEvents } from '../outcome/response-events.js';

/** Looks at upstream's messages on their way to the client. */
@Injectable()
export class ClientMessages {
  constructor(
    private readonly recorder: OutcomeRecorder,
    private readonly pool: PoolStatusService,
    private readonly runner: AttemptRunner,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The message for the client: the bytes unchanged, except that the pool's quota replaces the account's. `askedAt`
   * (epoch ms) is when its turn was sent; null without a turn.
   */
  forClient(account: Account, { bytes, isBinary }: SocketMessage, askedAt: number | null): Buffer {
    if (isBinary || messageType(bytes) !== QUOTA_MESSAGE) return bytes;
    this.recorder.observeMessage(account, bytes, askedAt ?? this.clock.now());
    return withPoolQuota(bytes, this.pool.status().windows);
  }

  /** Whether a message says that the token of the socket is no longer accepted. The client must not see it. */
  isRejection({ bytes, isBinary }: SocketMessage): boolean {
    if (isBinary || !failureEvents.has(messageType(bytes) ?? '')) return false;
    const failure = failureInMessage(bytes.toString('utf8'));
    const { kind } = this.recorder.outcomeOfLate(failure, { route: 'turn', model: null });
    return failure.status === 401 || kind === 'unauthorized';
  }

  /** Starts renewing the token of a socket. */
  renew({ account, token }: UpstreamSocket): void {
    this.runner.renew(account, token);
  }

  /** Records a rejection that came between two turns. */
  rejectedBetweenTurns({ account }: UpstreamSocket, sessionKey: string | null): void {
    const asked = { startedAt: this.clock.now(), needs: anyTurn };
    this.recorder.failedLate(sessionKey, account, { kind: 'unauthorized', scope: 'account' }, asked);
  }
}
