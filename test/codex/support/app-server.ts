import { z } from 'zod';
import type { Child } from './child.js';
import type { Setting } from './setting.js';

const ANSWER_LIMIT_MS = 20_000;

const message = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});
type Message = z.infer<typeof message>;

/** Speaks to `codex app-server` as an IDE does: one JSON-RPC message per line, over its standard input and output. */
export class AppServer {
  readonly #child: Child;
  #lastId = 0;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Starts the server and sends the initialize handshake. `experimental`: with the methods that are not stable. */
  static async start(setting: Setting, experimental = false): Promise<AppServer> {
    const server = new AppServer(setting.codex(['app-server'], { withInput: true }));
    await server.request('initialize', {
      clientInfo: { name: 'codex-pool-test', title: 'codex-pool test', version: '1.0.0' },
      capabilities: { experimentalApi: experimental },
    });
    server.#child.writeLine(JSON.stringify({ method: 'initialized' }));
    return server;
  }

  /** Sends a request and returns the result. Throws if the server reports an error. */
  async request(method: string, params: object = {}): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#child.writeLine(JSON.stringify({ id, method, params }));
    const isResponse = (it: Message): boolean => it.id === id && it.method === undefined;
    const response = await this.#until(isResponse, `the response to ${method}`);
    if (response.error !== undefined) throw new Error(`${method}: ${JSON.stringify(response.error)}`);
    return response.result;
  }

  /** Waits for a notification with these parameters; an earlier one counts too. */
  async notification(method: string, isMeant: (params: unknown) => boolean): Promise<unknown> {
    const isIt = (it: Message): boolean => it.method === method && isMeant(it.params);
    return (await this.#until(isIt, `the notification ${method}`)).params;
  }

  /** Number of notifications so far that a connection was lost and is being retried. */
  reconnects(): number {
    return this.#messages().filter(reportsReconnect).length;
  }

  /** Closes its input and returns the exit code. */
  async end(): Promise<number | null> {
    this.#child.endInput();
    return (await this.#child.ended).code;
  }

  async #until(isMeant: (it: Message) => boolean, what: string): Promise<Message> {
    return this.#child.until(() => this.#messages().find(isMeant) ?? null, what, ANSWER_LIMIT_MS);
  }

  #messages(): Message[] {
    const lines = this.#child.stdout.split('\n').slice(0, -1);
    return lines.filter((it) => it !== '').map((it) => message.parse(JSON.parse(it)));
  }
}

function reportsReconnect({ method, params }: Message): boolean {
  return method === 'error' && JSON.stringify(params).includes('Reconnecting');
}
