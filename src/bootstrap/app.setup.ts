import type { Server } from 'node:http';
import { type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AppConfig } from '../config/app.config.js';
import { builtPageFolder } from '../admin/page/page-files.js';
import { AppModule } from './app.module.js';
import { acceptAbsoluteForm } from '../boundary/absolute-form.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { lockInstance } from './instance-lock.js';
import { preparePrivateFolders } from './private-folders.js';
import { Drain } from '../runtime/drain.js';
import { isolateConnections } from '../runtime/fault-domain.js';
import { type HostAddresses, systemAddresses } from '../runtime/network-detector.js';
import { Faults } from '../observability/faults.js';
import { whyNoKernelLock } from '../runtime/files/file-lock.js';
import { limits } from '../config/limits.js';
import { describeProxy } from '../egress/egress-proxy.js';
import { trustAuthorities } from '../egress/trust.js';
import type { LoginPorts } from '../login/login-ports.js';
import { BadRequests } from '../proxy/ingress/bad-requests.js';
import { ClientConnections } from '../proxy/ingress/client-connections.js';
import { ConnectRequests } from '../proxy/ingress/connect-requests.js';
import { StalledBodies } from '../proxy/ingress/stalled-bodies.js';
import { answerExpectations } from '../proxy/ingress/expectations.js';
import { FrontDoor } from '../proxy/ingress/front-door.js';
import { SocketSessions } from '../proxy/websocket/sessions.js';
import { UpgradeHandler } from '../proxy/websocket/upgrade-handler.js';
import { RecentErrors } from '../observability/recent-errors.js';
import type { RefreshStepWatcher } from '../tokens/refresh-state.js';

export interface RunningApp {
  readonly app: NestExpressApplication;
  readonly server: Server;
  /** The actual address: with port 0 the system chooses a port. */
  readonly address: { readonly host: string; readonly port: number };
  /** Stops accepting requests, drains the running ones and closes everything. Returns false if streams were cut. */
  stop(): Promise<boolean>;
}

export interface AppOptions {
  readonly clock?: Clock;
  /** The addresses of this machine. */
  readonly addresses?: HostAddresses;
  readonly logger: LoggerService;
  readonly errors: RecentErrors;
  /** Called after each step of a refresh. Its errors are not caught. */
  readonly onRefreshStep?: RefreshStepWatcher;
  /** Ports for the browser's callback of a login. */
  readonly loginPorts?: LoginPorts;
  /** Folder of the built page. */
  readonly pageFolder?: string;
}

/** Builds the program and listens. `main` and the tests run the same program. */
export async function startApp(
  config: AppConfig,
  {
    clock = systemClock,
    addresses = systemAddresses,
    logger,
    errors,
    onRefreshStep = () => undefined,
    loginPorts = limits.loginPorts,
    pageFolder = builtPageFolder,
  }: AppOptions,
): Promise<RunningApp> {
  await preparePrivateFolders(config, logger);
  if (whyNoKernelLock !== null) {
    const message =
      'kernel file locks are unavailable; lock files of a killed codex-pool expire after a few seconds';
    logger.warn(message, { reason: whyNoKernelLock }, 'FileLock');
  }
  applyEgress(config, logger);
  const claim = await lockInstance(config.dbPath);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.register(config, clock, addresses, errors, onRefreshStep, loginPorts, pageFolder),
    {
      bodyParser: false, // bodies pass byte for byte
      logger,
      abortOnError: false,
    },
  );
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  const server = app.getHttpServer();
  const faults = app.get(Faults);
  app.get(FrontDoor).attach(server);
  acceptAbsoluteForm(server);
  isolateConnections(server, (error) => faults.note('connection', error));
  app.get(ClientConnections).attach(server);
  app.get(UpgradeHandler).attach(server);
  app.get(ConnectRequests).attach(server);
  app.get(BadRequests).attach(server);
  app.get(StalledBodies).attach(server);
  answerExpectations(server);
  // Missing in the types of Node. Without a host it would refuse without a body.
  Object.assign(server, { requireHostHeader: false, maxHeaderSize: limits.headBytes });
  server.maxHeadersCount = 0; // Node would drop the fields above its limit unnoticed; the size is bound enough
  server.requestTimeout = 0; // a large body over a slow line takes long; headers have their own limit
  server.timeout = 0;
  server.keepAliveTimeout = limits.keepAliveMs;
  await app.listen(config.listen.port, config.listen.host);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : config.listen.port;
  return {
    app,
    server,
    address: { host: config.listen.host, port },
    stop: async () => {
      const isDrained = await stop(app, server, config);
      await claim[Symbol.asyncDispose]();
      return isDrained;
    },
  };
}

/** Applies the settings of the way out that hold for the whole process, and logs what is in use. */
function applyEgress({ egress, authorities }: AppConfig, logger: LoggerService): void {
  trustAuthorities(authorities.certificates);
  if (authorities.unreadable > 0) {
    const fields = { unreadable: authorities.unreadable, used: authorities.certificates.length };
    logger.warn('certificate authorities that cannot be read are ignored', fields, 'Egress');
  }
  if (egress.https !== null)
    logger.log(
      'connections to upstream go through a proxy',
      { proxy: describeProxy(egress.https) },
      'Egress',
    );
}

async function stop(app: NestExpressApplication, server: Server, config: AppConfig): Promise<boolean> {
  // The listener closes first: Codex waits after a refused connection, but uses up its retries on a 503.
  server.close();
  server.closeIdleConnections();
  const isDrained = await app.get(Drain).start(config.drainSeconds * 1_000);
  server.closeAllConnections();
  app.get(SocketSessions).endAll();
  app.get(ClientConnections).endAll();
  await app.close();
  return isDrained;
}
