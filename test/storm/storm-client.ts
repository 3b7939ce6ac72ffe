import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { inputOf, responseOf } from './storm-response.js';
import type { ClientRequest, ClientResponse } from './storm-turn.js';

/** Sends requests as Codex does, on kept-alive connections, and reads the responses. */
export class StormClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true });

  constructor(private readonly origin: () => string) {}

  async send(sent: ClientRequest): Promise<ClientResponse> {
    const body = JSON.stringify({ model: sent.model, stream: true, store: false, input: inputOf(sent) });
    const response = await this.#head(sent.session, body);
    const at = Date.now();
    if (response === null) return responseOf({ status: null, at, text: '' });
    const { statusCode: status = 0, headers } = response;
    const text = await bodyOf(response);
    const isWhole = text.includes('response.completed') || !isStream(response);
    const [isComplete, isBroken] = [response.complete && isWhole, !response.complete];
    return responseOf({ status, at, text, headers, isComplete, isBroken });
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

const isStream = ({ headers }: IncomingMessage): boolean =>
  (headers['content-type'] ?? '').startsWith('text/event-stream');
