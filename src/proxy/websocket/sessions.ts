import { Inject, Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { mayServeLater } from '../failover/account-wait.js';
import { AttemptLoop } from '../failover/attempt-loop.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import { FailoverContext } from '../failover/failover-context.js';
import { NoAccountResponse } from '../failover/no-account-response.js';
import { CrossAccountRecovery } from '../failover/cross-account-recovery.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { discard } from '../upstream/response-peek.js';
import { errorMessage } from '../response/error-message.js';
import type { Opened } from './session-parts.js';
import { SocketSession } from './session.js';
import type { SocketTurn } from './turn.js';
import { TurnRecorder } from './turn-recorder.js';

/** All client WebSockets. A stop closes each as soon as no turn runs on it. */
@Injectable()
export class SocketSessions {
  private readonly sessions = new Set<SocketSession>();

  constructor(
    private readonly recorder: TurnRecorder,
    private readonly selector: AccountSelector,
    private readonly loop: AttemptLoop,
    private readonly recovery: CrossAccountRecovery,
    private readonly noAccount: NoAccountResponse,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly faults: Faults,
    private readonly attempts: AttemptRunner,
  ) {
    drain.onStart(() => this.restartIdle());
  }

  get size(): number {
    return this.sessions.size;
  }

  /** Starts relaying between a client and upstream. */
  begin(client: WebSocket, opened: Opened, request: ProxyRequest, path: string): void {
    const session: SocketSession = new SocketSession(
      client,
      opened,
      {
        recorder: this.recorder,
        request,
        maxAttempts: this.config.maxAttempts,
        failed: (error) => this.faults.note('websocket', error, { request: request.id }),
        renew: ({ account, token }) => this.attempts.renew(account, token),
        isDraining: () => this.drain.isDraining,
        whyUnavailable: (account, model) => this.selector.whyUnavailable(account, model),
        openFor: (turn) => this.openFor(turn, request, path),
        localResponse: (turn, outcome) => this.localResponse(turn, outcome, request),
        withoutCrossAccount: (message, account) =>
          this.recovery.withoutCrossAccount(message, request.sessionKey, account),
      },
      () => {
        this.sessions.delete(session);
        request[Symbol.dispose]();
      },
    );
    this.sessions.add(session);
    if (this.drain.isDraining) session.restart('codex-pool is stopping'); // the stop began during the handshake
  }

  /** Closes all sessions, including running turns. */
  endAll(): void {
    for (const it of this.sessions) it.restart('codex-pool is stopping');
  }

  private restartIdle(): void {
    for (const it of this.sessions) if (!it.isBusy) it.restart('codex-pool is stopping');
  }

  private async openFor(turn: SocketTurn, request: ProxyRequest, path: string): Promise<Opened | null> {
    const context = new FailoverContext(request, path, turn.record, null, { model: turn.start.model });
    context.resume(turn.tried, turn.attempts);
    const end = await this.loop.run(context);
    turn.attempts = context.spent;
    if (end.kind !== 'pass-on') {
      const peeked = end.kind === 'dead-end' ? end.result?.attempted.peeked : null;
      if (peeked != null) discard(peeked.response);
      return null;
    }
    using _lease = end.lease; // the turn has its own lease
    const { account, attempted } = end.result;
    if (attempted.socket !== null) return { socket: attempted.socket, account, token: attempted.token };
    if (attempted.peeked !== null) discard(attempted.peeked.response);
    return null;
  }

  /**
   * The local response for the whole pool: its earliest reset, or the action a person must take. `outcome` null:
   * upstream was not asked.
   */
  private localResponse(
    turn: SocketTurn,
    outcome: AttemptOutcome | null,
    request: ProxyRequest,
  ): Buffer | null {
    const isModels =
      outcome?.kind === 'not-entitled' && !mayServeLater(this.selector.assess(turn.start.model));
    const isUpstreams = outcome?.kind === 'overloaded' || isModels;
    if (isUpstreams) return null;
    return errorMessage(
      this.noAccount.responseFor(request, turn.tried, outcome?.kind ?? null, null, turn.start.model),
    );
  }
}
