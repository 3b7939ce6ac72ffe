import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { type ClientRequest, type ClientResponse, nameOf, REASONING } from './storm-turn.js';

/** Length of the beginning of a body that is kept. */
const TEXT_CHARACTERS = 600;
const marks = (body: string, kind: 'output' | 'error'): string[] =>
  [...body.matchAll(new RegExp(`<<${kind} ([^>]+)>>`, 'g'))].map((it) => it[1] ?? '');

/** Sends requests as Codex does, on kept-alive connections, and reads the responses. */
export class StormClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true });

  constructor(private readonly origin: () => string) {}

  async send(sent: ClientRequest): Promise<ClientResponse> {
    const body = JSON.stringify({
      model: sent.model,
      stream: true,
      store: false,
      input: [
        { type: 'reasoning', encrypted_content: `${REASONING} of ${sent.session}`, summary: [] },
        { role: 'user', content: nameOf(sent.turn, sent.number) },
      ],
    });
    const response = await this.#head(sent.session, body);
    const at = Date.now();
    if (response === null) return noResponse(at);
    const { statusCode: status = 0, headers } = response;
    const received = await bodyOf(response);
    const retryAfter = headers['retry-after'];
    return {
      status,
      at,
      endedAt: Date.now(),
      retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1_000,
      poolError: headerOf(response, 'x-codex-pool-error'),
      id: headerOf(response, 'x-codex-pool-request'),
      account: headerOf(response, 'x-codex-pool-account'),
      output: marks(received, 'output'),
      errors: marks(received, 'error'),
      isComplete: response.complete && (received.includes('response.completed') || !isStream(response)),
      isBroken: !response.complete,
      text: received.slice(0, TEXT_CHARACTERS),
    };
  }

  /** Requests an image; `text` is the whole body. */
  async image(
    session: string,
    prompt: string,
  ): Promise<{ readonly status: number | null; readonly isBroken: boolean; readonly text: string }> {
    const body = JSON.stringify({ prompt, model: 'gpt-image-2', size: 'auto', quality: 'auto' });
    const response = await this.#head(session, body, '/v1/images/generations');
    if (response === null) return { status: null, isBroken: true, text: '' };
    const text = await bodyOf(response);
    return { status: response.statusCode ?? 0, isBroken: !response.complete, text };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Resolves with the head of the response, or with null if the connection ended first. */
  async #head(session: string, body: string, path = '/v1/responses'): Promise<IncomingMessage | null> {
    const { hostname, port } = new URL(this.origin());
    const { promise, resolve } = Promise.withResolvers<IncomingMessage | null>();
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      originator: 'codex_cli_rs',
      'session-id': session,
    };
    httpRequest({ host: hostname, port, method: 'POST', path, headers, agent: this.#agent })
      .once('response', resolve)
      .once('error', () => resolve(null))
      .end(body);
    return await promise;
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve).on('error', () => resolve());
  await promise;
  return text;
}

function noResponse(at: number): ClientResponse {
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
