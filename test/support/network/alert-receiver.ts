import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const alert = z.strictObject({
  event: z.enum(['account-needs-login', 'account-deactivated', 'pool-out', 'pool-back', 'quota-low']),
  at: z.int(),
  account: z.string().nullable(),
  sentence: z.string().min(1),
  version: z.string().regex(/^\d+\.\d+\.\d+/),
});

/** A server on a loopback port that takes alerts. Responds with 204, or as `responds` says. */
export class AlertReceiver implements AsyncDisposable {
  readonly texts: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  responds: (res: ServerResponse) => void = (res) => void res.writeHead(204).end();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((req, res) => void this.#take(text(req), req.headers, res));
  }

  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the receiver does not listen');
    return `http://127.0.0.1:${address.port}/made-up-secret-path`;
  }

  /** The alerts so far. Throws if one has another form. */
  get alerts(): z.infer<typeof alert>[] {
    return this.texts.map((it) => alert.parse(JSON.parse(it)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #take(body: Promise<string>, headers: IncomingHttpHeaders, res: ServerResponse): Promise<void> {
    this.texts.push(await body);
    this.headers.push(headers);
    this.responds(res);
  }
}
