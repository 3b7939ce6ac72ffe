import { Agent, type IncomingMessage, request } from 'node:http';
import { type Answered, type Asked, nameOf, REASONING } from './storm-turn.js';

const TOLD_CHARACTERS = 600;
const marks = (body: string, what: 'output' | 'error'): string[] =>
  [...body.matchAll(new RegExp(`<<${what} ([^>]+)>>`, 'g'))].map((it) => it[1] ?? '');

/** Sends requests as Codex does, on connections that are kept, and reads what comes back. */
export class StormClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true });

  constructor(private readonly origin: () => string) {}

  async send(asked: Asked): Promise<Answered> {
    const body = JSON.stringify({
      model: asked.model,
      stream: true,
      store: false,
      input: [
        { type: 'reasoning', encrypted_content: `${REASONING} of ${asked.session}`, summary: [] },
        { role: 'user', content: nameOf(asked.turn, asked.request) },
      ],
    });
    const response = await this.#head(asked.session, body);
    const at = Date.now();
    if (response === null) return none(at);
    const { statusCode: status = 0, headers } = response;
    const got = await whole(response);
    const retryAfter = headers['retry-after'];
    return {
      status,
      at,
      endedAt: Date.now(),
      retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1_000,
      poolError: headerOf(response, 'x-codex-pool-error'),
      id: headerOf(response, 'x-codex-pool-request'),
      account: headerOf(response, 'x-codex-pool-account'),
      output: marks(got, 'output'),
      errors: marks(got, 'error'),
      isComplete: response.complete && (got.includes('response.completed') || !isStream(response)),
      isBroken: !response.complete,
      text: got.slice(0, TOLD_CHARACTERS),
    };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Null when the connection ended before it came. */
  async #head(session: string, body: string): Promise<IncomingMessage | null> {
    const { hostname, port } = new URL(this.origin());
    const { promise, resolve } = Promise.withResolvers<IncomingMessage | null>();
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      originator: 'codex_cli_rs',
      'session-id': session,
    };
    const path = '/v1/responses';
    request({ host: hostname, port, method: 'POST', path, headers, agent: this.#agent })
      .once('response', resolve)
      .once('error', () => resolve(null))
      .end(body);
    return await promise;
  }
}

async function whole(response: IncomingMessage): Promise<string> {
  let got = '';
  response.setEncoding('utf8').on('data', (piece: string) => (got += piece));
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve).on('error', () => resolve());
  await promise;
  return got;
}

function none(at: number): Answered {
  return {
    status: null,
    at,
    endedAt: at,
    retryAfterMs: null,
    poolError: null,
    id: null,
    account: null,
    output: [],
    errors: [],
    isComplete: false,
    isBroken: true,
    text: '',
  };
}

const isStream = ({ headers }: IncomingMessage): boolean =>
  (headers['content-type'] ?? '').startsWith('text/event-stream');

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}
