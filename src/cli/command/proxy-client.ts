import { request } from 'node:http';
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

/** No proxy answers at this address; the command may work on the files instead. */
export class NotReachableError extends CommandError {
  constructor(origin: string, reason: string) {
    super(
      `No codex-pool answers at ${origin} (${reason}). Start it with \`codex-pool start\`; until then, \`codex-pool undo\` makes Codex work without it.`,
      exitCodes.notReachable,
    );
  }
}

/** Asks a running proxy through its admin API. */
export class ProxyClient {
  constructor(
    readonly origin: string,
    private readonly adminToken: Secret | null,
    private readonly silenceMs = SILENCE_MS,
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
    throw new CommandError(detailOf(reply.body) ?? `${method} ${path}: HTTP ${reply.status}`);
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
      const unreachable = (error: Error) => reject(new NotReachableError(this.origin, error.message));
      const req = request(`${this.origin}${path}`, { method, headers, agent: false }, (res) => {
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
      req.setTimeout(this.silenceMs, () => req.destroy(new Error(`silent for ${this.silenceMs / 1_000} s`)));
      req.on('error', unreachable);
      req.end(payload ?? undefined);
    });
  }
}

function detailOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null;
  if ('detail' in body && typeof body.detail === 'string') return body.detail;
  return 'title' in body && typeof body.title === 'string' ? body.title : null;
}
