import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { isolateConnections } from '../runtime/fault-domain.js';
import { Faults } from '../observability/faults.js';
import { limits } from '../config/limits.js';
import { errorCode } from '../runtime/pool-error.js';
import { CALLBACK_PATH } from './callback.js';
import { type CallbackPage, htmlOf } from './callback-page.js';
import { LOGIN_PORTS, type LoginPorts } from './login-ports.js';
import { NoCallbackPortError } from './login.errors.js';

/** Keeps the listener open until disposed. Disposing it twice is harmless. */
export interface CallbackHold extends Disposable {
  readonly redirectUri: string;
}

type CallbackHandler = (query: URLSearchParams) => Promise<CallbackPage>;

interface Listening {
  readonly server: Server;
  readonly port: number;
}

/** Keeps the address from leaving the page, because it contains the code. */
const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};
const notFound: CallbackPage = { status: 404, sentence: 'There is nothing here.' };
const broken: CallbackPage = { status: 500, sentence: 'Internal error in codex-pool; see its log.' };

/** Receives the callbacks of all browser logins on loopback, while at least one is open. */
@Injectable()
export class CallbackListener implements OnModuleDestroy, OnApplicationShutdown {
  private holds = 0;
  private listening: Promise<Listening> | null = null;
  private handle: CallbackHandler = async () => notFound;
  private readonly servers = new Set<Server>();

  constructor(
    @Inject(LOGIN_PORTS) private readonly ports: LoginPorts,
    private readonly faults: Faults,
  ) {}

  /** Sets the handler of callbacks, which returns the page to show. */
  onCallback(handler: CallbackHandler): void {
    this.handle = handler;
  }

  /** @throws NoCallbackPortError */
  async hold(): Promise<CallbackHold> {
    this.holds += 1;
    let isActive = true;
    const release = (): void => {
      if (!isActive) return;
      isActive = false;
      this.holds -= 1;
      if (this.holds === 0) this.close();
    };
    try {
      this.listening ??= this.listen();
      const { port } = await this.listening;
      return { redirectUri: `http://127.0.0.1:${port}${CALLBACK_PATH}`, [Symbol.dispose]: release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Accepts no more connections; requests in progress still get their response. */
  onModuleDestroy(): void {
    this.close();
  }

  onApplicationShutdown(): void {
    for (const server of this.servers) server.closeAllConnections();
  }

  private close(): void {
    const { listening } = this;
    this.listening = null;
    // If listening failed, there is nothing to close, and `hold` has reported the error.
    listening?.then(({ server }) => server.close()).catch(() => undefined);
  }

  private async listen(): Promise<Listening> {
    let reason: unknown;
    for (const port of this.ports) {
      try {
        return await this.listenOn(port);
      } catch (error) {
        if (errorCode(error) !== 'EADDRINUSE' && errorCode(error) !== 'EACCES') throw error;
        reason = error;
      }
    }
    throw new NoCallbackPortError(this.ports, { cause: reason });
  }

  private async listenOn(port: number): Promise<Listening> {
    const server = createServer(
      { headersTimeout: limits.callbackHeadMs, requestTimeout: limits.callbackHeadMs },
      (req, res) => void this.respond(req, res),
    );
    isolateConnections(server, (error) => this.faults.note('callback', error));
    server.maxConnections = limits.callbackConnections;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Stays registered: a connection that cannot be accepted later must not end the program.
    server.on('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
    await promise;
    this.servers.add(server);
    server.once('close', () => this.servers.delete(server));
    const address = server.address();
    return { server, port: typeof address === 'object' && address !== null ? address.port : port };
  }

  private async respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const page = await this.pageFor(req).catch((error: unknown) => {
      this.faults.note('callback', error);
      return broken;
    });
    res.writeHead(page.status, pageHeaders).end(htmlOf(page));
  }

  private async pageFor({ method, url = '' }: IncomingMessage): Promise<CallbackPage> {
    const at = url.indexOf('?');
    const path = at === -1 ? url : url.slice(0, at);
    if (method !== 'GET' || path !== CALLBACK_PATH) return notFound;
    return await this.handle(new URLSearchParams(at === -1 ? '' : url.slice(at + 1)));
  }
}
