import { isRecord } from '../../runtime/is-record.js';
import { describeError } from '../../runtime/pool-error.js';
import type { Secret } from '../../runtime/secret.js';
import { VERSION } from '../../runtime/version.js';
import { CommandError } from './command-error.js';
import { exitCodes } from './exit-codes.js';

/** Milliseconds without a byte of the response, unless the command sets its own. */
const SILENCE_MS = 10_000;
const MAX_BYTES = 64 * 1_024 * 1_024;

/** A reply of the running proxy. */
export interface ProxyReply {
  readonly status: number;
  readonly body: unknown;
}

// An import would load Node's own copy of undici, for the browser's classes among the exports: a third of a command's time.
const { request } = process.getBuiltinModule('node:http');

/** No proxy answers at this address. Unless it may run all the same, the command may work on the files instead. */
export class NotReachableError extends CommandError {
  /** @param mayRun it accepted the connection, or did not refuse it in time */
  constructor(
    origin: string,
    reason: string,
    readonly mayRun = false,
  ) {
    super(
      `No codex-pool answers at ${origin} (${reason}). Start it with \`codex-pool start\`, or run this in the folder of its .env, if its address is set there. Until it runs, \`codex-pool undo\` makes Codex work without it.`,
      exitCodes.notReachable,
    );
  }
}

/** Asks a running proxy through its admin API. */
export class ProxyClient {
  /**
   * @param silenceMs patience with a connection on which nothing comes, ms; it also bounds the connecting
   * @param signal ends every request when it is aborted
   */
  constructor(
    readonly origin: string,
    private readonly adminToken: Secret | null,
    private readonly silenceMs = SILENCE_MS,
    private readonly signal: AbortSignal | null = null,
  ) {}

  /**
   * Sends one request with a JSON body, or with none, and returns the parsed reply of any status.
   * @throws NotReachableError if nothing answers
   * @throws CommandError if the reply is no JSON, or the admin token is refused
   */
  async send(method: string, path: string, body?: unknown): Promise<ProxyReply> {
    const { status, text } = await this.exchange(method, path, body);
    if (status === 401) throw new CommandError(this.tokenSentence());
    try {
      return { status, body: text === '' ? null : JSON.parse(text) };
    } catch {
      throw new CommandError(
        `Another program answers at ${this.origin}: its reply (HTTP ${status}) is not codex-pool's. Change PROXY_LISTEN_ADDR, or stop that program.`,
      );
    }
  }

  /**
   * As `send`, but a refusal is an error with the proxy's own sentence.
   * @throws CommandError for any status of 400 or more
   */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const reply = await this.send(method, path, body);
    if (reply.status < 400) return reply.body;
    const { code, detail } = problemIn(reply.body);
    throw new CommandError(
      detail ?? `The proxy refused ${method} ${path} with HTTP ${reply.status}.`,
      exitCodes.finding,
      code,
    );
  }

  private tokenSentence(): string {
    return this.adminToken === null
      ? `The proxy at ${this.origin} wants its PROXY_ADMIN_TOKEN: set it in the environment or in .env.`
      : `The proxy at ${this.origin} refuses this PROXY_ADMIN_TOKEN: it runs with another one.`;
  }

  private exchange(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = {
      accept: 'application/json',
      'user-agent': `codex-pool/${VERSION}`,
    };
    if (this.adminToken !== null) headers['authorization'] = `Bearer ${this.adminToken.reveal()}`;
    if (payload !== null) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = payload.length;
    }
    return new Promise((resolve, reject) => {
      let mayRun = false;
      const unreachable = (error: Error) =>
        reject(
          new NotReachableError(this.origin, describeError(error), mayRun || this.signal?.aborted === true),
        );
      // As an option, the time limit counts while it connects, too: some addresses never refuse.
      const options = {
        method,
        headers,
        agent: false,
        timeout: this.silenceMs,
        ...(this.signal === null ? {} : { signal: this.signal }),
      };
      const req = request(`${this.origin}${path}`, options, (res) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        res.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > MAX_BYTES) res.destroy(new Error(`a reply of more than ${MAX_BYTES} bytes`));
        });
        res.on('error', unreachable);
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      req.on('socket', (socket) => socket.once('connect', () => (mayRun = true)));
      req.on('timeout', () => {
        mayRun = true;
        req.destroy(new Error(`silent for ${this.silenceMs / 1_000} s`));
      });
      req.on('error', unreachable);
      req.end(payload ?? undefined);
    });
  }
}

/** Reads a refusal of the API; null for what it does not have. */
function problemIn(body: unknown): { readonly code: string | null; readonly detail: string | null } {
  if (!isRecord(body)) return { code: null, detail: null };
  const { code, detail, title } = body;
  return {
    code: typeof code === 'string' ? code : null,
    detail: typeof detail === 'string' ? detail : typeof title === 'string' ? title : null,
  };
}
