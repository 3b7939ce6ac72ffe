import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { codexHandshake } from './codex-socket.js';

/** A whole message as bytes. Text may be invalid UTF-8, which `SocketClient` and the fake upstream would refuse. */
export interface BareMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** One end of a WebSocket that interprets nothing: the test decides what it sends and checks what it receives. */
export class BareSocket implements Disposable {
  readonly messages: BareMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #changed: (() => void)[] = [];

  constructor(readonly ws: WebSocket) {
    ws.on('error', () => undefined); // the close event follows
    ws.on('message', (bytes: Buffer, isBinary) => {
      this.messages.push({ bytes, isBinary });
      for (const look of this.#changed) look();
    });
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  send({ bytes, isBinary }: BareMessage): void {
    this.ws.send(bytes, { binary: isBinary });
  }

  text(text: string): void {
    this.send({ bytes: Buffer.from(text), isBinary: false });
  }

  /** Resolves when `count` messages have arrived in total, or the socket has closed. */
  async gets(count: number): Promise<readonly BareMessage[]> {
    const enough = Promise.withResolvers<void>();
    this.#changed.push(() => {
      if (this.messages.length >= count) enough.resolve();
    });
    if (this.messages.length < count) await Promise.race([enough.promise, this.closed]);
    return this.messages;
  }

  [Symbol.dispose](): void {
    this.ws.terminate();
  }
}

/** An upstream that accepts every WebSocket and sends nothing by itself. */
export class BareUpstream implements AsyncDisposable {
  readonly #sockets: BareSocket[] = [];
  readonly #waiting: ((socket: BareSocket) => void)[] = [];

  private constructor(
    private readonly server: WebSocketServer,
    private readonly port: number,
    private readonly deflates: boolean,
  ) {
    server.on('connection', (ws) => {
      const socket = new BareSocket(ws);
      this.#sockets.push(socket);
      this.#waiting.shift()?.(socket);
    });
  }

  /** `deflates`: whether it and its clients negotiate permessage-deflate. */
  static async start(deflates = true): Promise<BareUpstream> {
    const server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      skipUTF8Validation: true,
      maxPayload: 0,
      perMessageDeflate: deflates,
    });
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return new BareUpstream(server, port, deflates);
  }

  /** The settings that send turns here. All other requests still go to the fake upstream. */
  get env(): Record<string, string> {
    return { UPSTREAM_RESPONSES_BASE: `http://127.0.0.1:${this.port}/backend-api/codex` };
  }

  /** Connects through this proxy; returns the client's end and upstream's end. */
  async through(
    origin: string,
    session = 's-1',
    path = '/v1/responses',
  ): Promise<{ client: BareSocket; upstream: BareSocket }> {
    const come = new Promise<BareSocket>((resolve) => this.#waiting.push(resolve));
    const ws = new WebSocket(`${origin.replace(/^http/, 'ws')}${path}`, {
      headers: codexHandshake(session),
      skipUTF8Validation: true,
      maxPayload: 0,
      perMessageDeflate: this.deflates,
    });
    const client = new BareSocket(ws);
    const [upstream] = await Promise.all([come, once(ws, 'open')]);
    return { client, upstream };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#sockets) it.ws.terminate();
    this.server.close();
    await once(this.server, 'close');
  }
}
