import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import { accountsSchema, decisionSchema, type ShownAccount, type ShownDecision } from './admin-responses.js';

/** A turn as its client saw it. */
export interface TurnResult {
  readonly status: number;
  /** The account that served it, by the response header; null if none did. */
  readonly account: string | null;
  readonly requestId: string;
  /** Time since the request was sent, ms; null if no word arrived. */
  readonly firstWordMs: number | null;
  readonly tookMs: number;
  /** Whether the response broke off. */
  readonly isBroken: boolean;
}

export interface TurnInput {
  readonly session: string;
  readonly prompt: string;
  /** Called with each piece of text as it arrives. */
  readonly onWord?: (word: string) => void;
}

const deltaSchema = z.object({ type: z.literal('response.output_text.delta'), delta: z.string() });

/** A client that uses the proxy over HTTP. */
export class DemoClient {
  /** A separate agent, so that a proxy from the environment is not used. */
  readonly #agent = new Agent();

  constructor(
    private readonly origin: string,
    private readonly signal: AbortSignal,
  ) {}

  async accounts(): Promise<readonly ShownAccount[]> {
    return accountsSchema.parse(await this.#json('GET', '/admin/accounts'));
  }

  async account(name: string): Promise<ShownAccount | null> {
    return (await this.accounts()).find((it) => it.name === name) ?? null;
  }

  async decision(requestId: string): Promise<ShownDecision> {
    return decisionSchema.parse(await this.#json('GET', `/admin/requests/${requestId}`));
  }

  async reload(): Promise<void> {
    await this.#json('POST', '/admin/reload');
  }

  /** Sends a turn and reads the whole response. */
  async turn({ session, prompt, onWord }: TurnInput): Promise<TurnResult> {
    const body = JSON.stringify({
      model: 'gpt-5.5',
      stream: true,
      store: false,
      input: [{ role: 'user', content: [{ type: 'input_text', text: prompt }] }],
    });
    const sentAt = performance.now();
    const res = await responseTo(
      this.#request('POST', '/v1/responses', {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'session-id': session,
      }).end(body),
    );
    let firstWordMs: number | null = null;
    const isBroken = await readWords(res, (word) => {
      firstWordMs ??= performance.now() - sentAt;
      onWord?.(word);
    });
    this.signal.throwIfAborted(); // an abort of our own is not a broken response
    return {
      status: res.statusCode ?? 0,
      account: headerOf(res, 'x-codex-pool-account'),
      requestId: headerOf(res, 'x-codex-pool-request') ?? '',
      firstWordMs,
      tookMs: performance.now() - sentAt,
      isBroken,
    };
  }

  async #json(method: string, path: string): Promise<unknown> {
    const res = await responseTo(this.#request(method, path, {}).end());
    const chunks: Buffer[] = [];
    for await (const chunk of res) chunks.push(Buffer.from(chunk));
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }

  #request(method: string, path: string, headers: Readonly<Record<string, string>>): ClientRequest {
    const { agent, signal } = { agent: this.#agent, signal: this.signal };
    return request(`${this.origin}${path}`, {
      method,
      agent,
      signal,
      headers: { ...headers, 'user-agent': 'codex-pool-demo' },
    });
  }
}

async function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.on('error', reject); // stays attached: the response itself reports a later abort
  });
  return response;
}

/** Reads a whole event stream; returns true if it broke off. */
async function readWords(res: IncomingMessage, onWord: (word: string) => void): Promise<boolean> {
  let rest = '';
  res.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const word = line.startsWith('data: ') ? wordIn(line.slice('data: '.length)) : null;
      if (word !== null) onWord(word);
    }
  });
  res.on('error', () => undefined); // seen below as an incomplete response
  await new Promise((resolve) => res.once('close', resolve)); // `once` of node:events would reject on an error
  return !res.complete;
}

function wordIn(data: string): string | null {
  const event = deltaSchema.safeParse(JSON.parse(data));
  return event.success ? event.data.delta : null;
}

function headerOf(res: IncomingMessage, name: string): string | null {
  const value = res.headers[name];
  return typeof value === 'string' ? value : null;
}
