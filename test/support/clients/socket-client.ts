import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
// Imported at load time, so that fake timers in a test do not stop the deadlines of its waits.
import { clearTimeout, setTimeout } from 'node:timers';
import { WebSocket } from 'ws';
import { codexHandshake, responseCreate } from './codex-socket.js';
import { endsTurn, typeOf, type SocketMessage } from './socket-message.js';

const LIMIT_MS = 5_000;

/** The end of a socket; 1006 without a reason for a broken connection. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
}

/** A response to a handshake that is not a WebSocket. */
export interface RefusedHandshake {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Differences from the usual handshake. */
export interface HandshakeOptions {
  /** Session and thread id. Default: a new one. */
  readonly session?: string;
  readonly path?: string;
  /** Added to or replacing the header fields that Codex sends; undefined removes a field. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Subprotocols to offer. */
  readonly protocols?: string[];
  /** Whether to offer no permessage-deflate. */
  readonly withoutDeflate?: boolean;
}

/** A client that speaks WebSocket as Codex does: its handshake, its `response.create`, one turn after the other. */
export class SocketClient implements AsyncDisposable {
  readonly messages: SocketMessage[] = [];
  readonly pings: Buffer[] = [];
  readonly pongs: Buffer[] = [];
  readonly closed: Promise<SocketEnd>;
  readonly #watchers = new Set<() => void>();
  #end: SocketEnd | null = null;

  /** Only a handshake calls this. */
  constructor(
    private readonly ws: WebSocket,
    readonly session: string,
    /** Header fields of the handshake's response. */
    readonly headers: IncomingHttpHeaders,
  ) {
    ws.on('message', (data: unknown, isBinary) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
      this.messages.push({ bytes, isBinary, at: performance.now() });
      this.#changed();
    });
    ws.on('ping', (payload) => {
      this.pings.push(payload);
      this.#changed();
    });
    ws.on('pong', (payload) => {
      this.pongs.push(payload);
      this.#changed();
    });
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.#end = { code, reason: reason.toString('utf8') };
        resolve(this.#end);
        this.#changed();
      });
    });
  }

  /** Connects to an origin (`http://…`); fails when the handshake is refused. */
  static async connect(origin: string, options: HandshakeOptions = {}): Promise<SocketClient> {
    const result = await handshake(origin, options);
    if (result instanceof SocketClient) return result;
    throw new Error(`The handshake was refused: ${result.status} ${result.text.slice(0, 500)}`);
  }

  /** Returns the open socket, or the refusal of its handshake. */
  static async tryToConnect(
    origin: string,
    options: HandshakeOptions = {},
  ): Promise<SocketClient | RefusedHandshake> {
    return handshake(origin, options);
  }

  /** Returns the refusal of a handshake; fails if it is accepted. */
  static async refused(origin: string, options: HandshakeOptions = {}): Promise<RefusedHandshake> {
    const result = await handshake(origin, options);
    if (!(result instanceof SocketClient)) return result;
    result.cut();
    throw new Error('The handshake was accepted');
  }

  /** Null while the socket is open. */
  get end(): SocketEnd | null {
    return this.#end;
  }

  /** Whether permessage-deflate was negotiated. */
  get isDeflated(): boolean {
    return this.ws.extensions.includes('permessage-deflate');
  }

  /** Sends a `response.create`; returns the messages that arrive until a turn or the socket ends. */
  async turn(fields: object = {}): Promise<SocketMessage[]> {
    const from = this.messages.length;
    this.send(JSON.stringify(responseCreate(this.session, fields)));
    return this.untilTurnEnds(from);
  }

  /** Sends a turn that asks for no output, as Codex does right after the handshake. */
  async prewarm(): Promise<SocketMessage[]> {
    return this.turn({ generate: false });
  }

  /** Returns the messages from this index on, once a turn or the socket has ended after it. */
  async untilTurnEnds(from = 0): Promise<SocketMessage[]> {
    const isOver = (): boolean => this.messages.slice(from).some((it) => endsTurn(it));
    await this.until(() => this.#end !== null || isOver(), 'the end of a turn');
    const rest = this.messages.slice(from);
    const last = rest.findIndex((it) => endsTurn(it));
    return last === -1 ? rest : rest.slice(0, last + 1);
  }

  /** Sends one message: a string as text, a buffer as binary. */
  send(message: string | Buffer): void {
    this.ws.send(message, { binary: Buffer.isBuffer(message) });
  }

  ping(payload = ''): void {
    this.ws.ping(payload);
  }

  /** Stops reading, as a slow client does, until `resume`. */
  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  /** Without a code, the close frame has none. */
  close(code?: number, reason = ''): void {
    if (code === undefined) this.ws.close();
    else this.ws.close(code, reason);
  }

  /** Closes the connection without a close frame, as Codex does. */
  cut(): void {
    this.ws.terminate();
  }

  /** Resolves as soon as the condition holds. Checks it whenever something arrives. */
  async until(condition: () => boolean, what: string, limitMs = LIMIT_MS): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (condition()) finish(resolve);
      };
      const finish = (settle: () => void): void => {
        clearTimeout(deadline);
        this.#watchers.delete(look);
        settle();
      };
      const late = (): Error =>
        new Error(
          `timed out after ${limitMs} ms waiting for ${what}; received: ${this.messages.map(typeOf).join(', ')}`,
        );
      const deadline = setTimeout(() => finish(() => reject(late())), limitMs);
      this.#watchers.add(look);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.closed;
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}

async function handshake(
  origin: string,
  options: HandshakeOptions,
): Promise<SocketClient | RefusedHandshake> {
  const { session = randomUUID(), path = '/v1/responses', withoutDeflate = false, protocols = [] } = options;
  const fields = Object.entries({ ...codexHandshake(session), ...options.headers });
  const headers = Object.fromEntries(fields.filter((it): it is [string, string] => it[1] !== undefined));
  const ws = new WebSocket(`${origin.replace(/^http/, 'ws')}${path}`, protocols, {
    headers,
    perMessageDeflate: !withoutDeflate,
    maxPayload: 0,
  });
  return new Promise((resolve, reject) => {
    ws.on('error', reject); // has no effect after the handshake, when the close event counts
    ws.once('upgrade', (res) => resolve(new SocketClient(ws, session, res.headers)));
    ws.once('unexpected-response', (_req, res) => void refusalOf(res).then(resolve, reject));
  });
}

async function refusalOf(res: IncomingMessage): Promise<RefusedHandshake> {
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += String(chunk);
  return { status: res.statusCode ?? 0, headers: res.headers, text };
}
