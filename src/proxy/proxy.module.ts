import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { OutcomeRecorder } from './failover/outcome-recorder.js';
import { AccountWait } from './failover/account-wait.js';
import { SameAccountRetry } from './failover/same-account-retry.js';
import { AttemptLoop } from './failover/attempt-loop.js';
import { AttemptRunner } from './upstream/attempt-runner.js';
import { Admission } from './ingress/admission.js';
import { BadRequests } from './ingress/bad-requests.js';
import { ClientConnections } from './ingress/client-connections.js';
import { ClientObserver } from '../clients/client-observer.js';
import { ConnectRequests } from './ingress/connect-requests.js';
import { NoAccountResponse } from './failover/no-account-response.js';
import { CrossAccountRecovery } from './failover/cross-account-recovery.js';
import { Forwarder } from './failover/forwarder.js';
import { LocalResponses } from './endpoints/local-responses.js';
import { ModelsEtag } from './response/models-etag.js';
import { ModelCatalogue } from './endpoints/model-catalogue.js';
import { Models } from './endpoints/models.js';
import { Pinning } from './failover/pinning.js';
import { RecordedAttempts } from './endpoints/recorded-attempts.js';
import { Passthrough } from './endpoints/passthrough.js';
import { SideAccounts } from './endpoints/side-accounts.js';
import { FrontDoor } from './ingress/front-door.js';
import { ProxyMiddleware } from './ingress/proxy.middleware.js';
import { ReplayBudget } from './request/replay-budget.js';
import { RequestIntake } from './ingress/request-intake.js';
import { ResponseCommit } from './response/response-commit.js';
import { SideRequests } from './response/side-requests.js';
import { StalledBodies } from './ingress/stalled-bodies.js';
import { RouteDispatch } from './ingress/route-dispatch.js';
import { TurnCounters } from './response/turn-counters.js';
import { UpstreamClient } from './upstream/upstream-client.js';
import { Handshake } from './websocket/handshake.js';
import { SocketSessions } from './websocket/sessions.js';
import { SocketLiveness } from './socket/socket-liveness.js';
import { SideHandshake } from './websocket/side-handshake.js';
import { SocketAcceptance } from './websocket/socket-acceptance.js';
import { ClientMessages } from './websocket/client-messages.js';
import { SocketTurns } from './websocket/socket-turns.js';
import { Reconnection } from './failover/reconnection.js';
import { SocketAttempts } from './upstream/socket-attempts.js';
import { UpgradeHandler } from './websocket/upgrade-handler.js';
import { UpstreamWebSockets } from './upstream/upstream-websocket.js';

/** Serves client requests: one request, its attempts, one response. */
@Module({
  imports: [AccountsModule, TokensModule, UsageModule],
  providers: [
    OutcomeRecorder,
    AccountWait,
    SameAccountRetry,
    AttemptLoop,
    AttemptRunner,
    Admission,
    BadRequests,
    ClientConnections,
    ClientObserver,
    ConnectRequests,
    NoAccountResponse,
    CrossAccountRecovery,
    Forwarder,
    FrontDoor,
    ProxyMiddleware,
    LocalResponses,
    ModelCatalogue,
    Models,
    ModelsEtag,
    Pinning,
    Passthrough,
    SideAccounts,
    RecordedAttempts,
    { provide: ReplayBudget, useFactory: () => new ReplayBudget() },
    RequestIntake,
    ResponseCommit,
    SideRequests,
    RouteDispatch,
    StalledBodies,
    Handshake,
    SideHandshake,
    SocketLiveness,
    SocketAcceptance,
    SocketSessions,
    ClientMessages,
    Reconnection,
    SocketAttempts,
    SocketTurns,
    TurnCounters,
    UpgradeHandler,
    UpstreamClient,
    UpstreamWebSockets,
  ],
})
export class ProxyModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    // The front door calls it before Express; what still comes through Express is the operator's.
    consumer.apply(ProxyMiddleware).forRoutes('{*path}');
  }
}
