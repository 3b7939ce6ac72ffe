import { randomUUID } from 'node:crypto';
import { ServerResponse, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { AccountScript } from './script/account-script.js';
import { writeResponse } from './http/response-writing.js';
import type { ScriptedHeaders } from './script/scripted-response.js';
import { callerOf } from './http/backend-response.js';
import { isSideSocketPath, TURN_PATH } from './http/backend-routes.js';
import type { Exchange } from './http/exchange.js';
import { sendText } from './http/local-response.js';
import type { RequestDispatch, FakeUpstreamParts } from './request-dispatch.js';
import { pathnameOf } from './http/request-head.js';
import { jsonIn } from './http/request-body.js';
import type { OpenEntry } from './script/request-log.js';
import { SocketConnection } from './websocket/connection.js';
import type { SocketLog } from './websocket/log.js';
import type { AcceptResponse, HandshakeResponse } from './script/socket-script.js';
import { serveSide } from './websocket/side.js';
import { serveTurns } from './websocket/turns.js';

/** A connection during its WebSocket handshake. */
interface Upgrade {
  readonly req: IncomingMessage;
  readonly tcp: Duplex;
  readonly head: Buffer;
  readonly entry: OpenEntry;
  readonly exchange: Exchange;
}

/** Accepts or refuses handshakes as the backend does, and serves the accepted sockets. */
export class SocketServer {
  constructor(
    private readonly parts: FakeUpstreamParts,
    private readonly dispatch: RequestDispatch,
    private readonly sockets: SocketLog,
    private readonly sideSockets: SocketLog,
  ) {}

  /** Takes over a connection whose request asks for a WebSocket. */
  async upgrade(req: IncomingMessage, tcp: Duplex, head: Buffer): Promise<void> {
    tcp.on('error', () => undefined); // the close event follows
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    const { entry, exchange } = this.dispatch.open(req, res);
    this.parts.log.add(entry);
    try {
      await this.#respond({ req, tcp, head, entry, exchange });
    } catch (error) {
      if (entry.isUpgraded || res.headersSent) return void tcp.destroy();
      sendText(res, 500, `The fake upstream failed: ${String(error)}`, 'text/plain');
    }
  }

  async #respond(upgrade: Upgrade): Promise<void> {
    const { entry, exchange, tcp } = upgrade;
    const path = pathnameOf(entry.path);
    const isSide = isSideSocketPath(path);
    if ((path !== TURN_PATH && !isSide) || this.dispatch.isOverridden(entry)) {
      assign(exchange, tcp);
      return this.dispatch.respond(entry, exchange);
    }
    const caller = callerOf(entry, this.parts.accounts.get(entry.account ?? ''), this.parts.ledger);
    const scripted = caller instanceof AccountScript ? nextHandshake(caller, isSide) : caller;
    const response = isSide ? scripted : (this.dispatch.decidesHandshakes?.(entry, scripted) ?? scripted);
    if (caller instanceof AccountScript && response.kind === 'accept') {
      await response.until;
      return this.#accept(upgrade, caller, response, isSide);
    }
    if (response.kind === 'accept') throw new Error('there is no account to accept the handshake for');
    assign(exchange, tcp);
    const model = modelOf(entry);
    return writeResponse(response, exchange, { account: entry.account ?? '', model }, {});
  }

  #accept(upgrade: Upgrade, account: AccountScript, response: AcceptResponse, isSide: boolean): void {
    const { req, tcp, head, entry, exchange } = upgrade;
    const model = modelOf(entry);
    const headers = {
      ...this.dispatch.dateOf(entry),
      'x-request-id': randomUUID(),
      'x-models-etag': this.parts.models.etag,
      ...(model === null ? {} : { 'openai-model': model }),
      ...account.turnHeaders(model),
      ...response.headers,
    };
    // A close during the handshake also ends the request that is in flight.
    tcp.once('close', () => exchange.res.emit('close'));
    const { subprotocol } = response;
    accepting(headers, account.sockets.deflates, subprotocol).handleUpgrade(
      req,
      tcp,
      head,
      (ws: WebSocket) => {
        entry.isUpgraded = true;
        exchange.res.emit('close');
        const changed = (): void => this.parts.log.changed();
        const socket = new SocketConnection(account.name, entry, ws, tcp, changed);
        if (isSide) {
          serveSide(ws, socket, account.sockets, changed);
          return this.sideSockets.addSocket(socket);
        }
        serveTurns(
          ws,
          socket,
          account,
          this.sockets,
          (turn, scripted) => this.dispatch.decidesOnSockets?.(turn, scripted) ?? scripted,
        );
        this.sockets.addSocket(socket);
      },
    );
  }
}

/** A server for one handshake. It adds the account's header fields. */
function accepting(headers: ScriptedHeaders, deflates: boolean, subprotocol: string | null): WebSocketServer {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: deflates ? { threshold: 0 } : false,
    handleProtocols: (offered) => (subprotocol !== null && offered.has(subprotocol) ? subprotocol : false),
  });
  server.on('headers', (lines: string[]) => {
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  });
  return server;
}

function nextHandshake({ sockets }: AccountScript, isSide: boolean): HandshakeResponse {
  return isSide ? sockets.nextSideHandshake() : sockets.nextHandshake();
}

/** Attaches a response to a connection that has left the HTTP server, and ends the connection after it. */
function assign({ res }: Exchange, tcp: Duplex): void {
  if (!(tcp instanceof Socket)) throw new Error('not a connection of this server');
  res.assignSocket(tcp);
  res.once('finish', () => tcp.end());
  tcp.once('end', () => tcp.end());
}

/** The model of a handshake, from its turn metadata; null if none. */
function modelOf({ headers }: OpenEntry): string | null {
  const metadata = headers['x-codex-turn-metadata'];
  const { model } = jsonIn(Buffer.from(typeof metadata === 'string' ? metadata : ''));
  return typeof model === 'string' ? model : null;
}
