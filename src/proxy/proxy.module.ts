import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { AccountEffects } from './account-effects.js';
import { AccountChooser } from './account-chooser.js';
import { AccountTries } from './account-tries.js';
import { AttemptLoop } from './attempt-loop.js';
import { Attempts } from './attempts.js';
import { BadRequests } from './bad-requests.js';
import { ClientConnections } from './client-connections.js';
import { ClientSigns } from './client-signs.js';
import { ConnectRefusal } from './connect-refusal.js';
import { EmptyPoolAnswer } from './empty-pool-answer.js';
import { ForeignRecovery } from './foreign-recovery.js';
import { Forwarder } from './forwarder.js';
import { LocalAnswers } from './local-answers.js';
import { ModelsEtag } from './models-etag.js';
import { Models } from './models.js';
import { Ownership } from './ownership.js';
import { Passthrough } from './passthrough.js';
import { ProxyMiddleware } from './proxy.middleware.js';
import { ReplayBudget } from './replay-budget.js';
import { RequestIntake } from './request-intake.js';
import { ResponseCommit } from './response-commit.js';
import { RouteHandlers } from './route-handlers.js';
import { TurnCounters } from './turn-counters.js';
import { UpstreamClient } from './upstream-client.js';
import { SocketHandshake } from './websocket/socket-handshake.js';
import { SocketSessions } from './websocket/socket-sessions.js';
import { TurnBooks } from './websocket/turn-books.js';
import { UpgradeGate } from './websocket/upgrade-gate.js';
import { UpstreamSockets } from './websocket/upstream-sockets.js';

/** One client request, its attempts, one answer. */
@Module({
  imports: [AccountsModule, TokensModule, UsageModule],
  providers: [
    AccountEffects,
    AccountChooser,
    AccountTries,
    AttemptLoop,
    Attempts,
    BadRequests,
    ClientConnections,
    ClientSigns,
    ConnectRefusal,
    EmptyPoolAnswer,
    ForeignRecovery,
    Forwarder,
    LocalAnswers,
    Models,
    ModelsEtag,
    Ownership,
    Passthrough,
    { provide: ReplayBudget, useFactory: () => new ReplayBudget() },
    RequestIntake,
    ResponseCommit,
    RouteHandlers,
    SocketHandshake,
    SocketSessions,
    TurnBooks,
    TurnCounters,
    UpgradeGate,
    UpstreamClient,
    UpstreamSockets,
  ],
})
export class ProxyModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ProxyMiddleware).forRoutes('{*path}');
  }
}
