import { z } from 'zod';
import { responseCreate } from '../support/clients/codex-socket.js';
import { type RefusedHandshake, SocketClient } from '../support/clients/socket-client.js';
import { endsTurn, jsonOf, type SocketMessage, typeOf } from '../support/clients/socket-message.js';
import { SeededRandom } from '../support/seeded-random.js';
import { Tally } from './storm-report.js';
import { inputOf, responseOf } from './storm-response.js';
import type { ClientRequest, ClientResponse } from './storm-turn.js';

const CONTINUATION_RATIO = 0.3;
/** How often a client looks whether upstream stays silent. Codex would wait for minutes, then do the same. */
const PATIENCE_MS = 1_000;
/** Longer than any turn takes, silent ones included. */
const TURN_MS = 60_000;

const errorMessage = z.object({ status: z.number(), headers: z.record(z.string(), z.string()).default({}) });
const finalMessage = z.object({ response: z.object({ id: z.string() }) });

/** Sockets that were closed between two turns although the first one was served; only a kill is a reason. */
export const CLOSED_IDLE = 'closed between turns';

/** Messages that say nothing about the turn. */
const prelude: ReadonlySet<string> = new Set(['codex.rate_limits', 'response.metadata']);

/** A session's WebSocket. */
interface Line {
  readonly client: SocketClient;
  /** Number of its messages that belong to earlier turns. */
  seen: number;
  /** The response that the next turn may continue; null if none. */
  lastId: string | null;
}

/** Sends turns on WebSockets as Codex does: one per session, kept while it is open, with a prewarm on the first one. */
export class StormSockets implements AsyncDisposable {
  readonly counts = new Tally();
  readonly #lines = new Map<string, Line>();
  readonly #known = new Set<string>();

  constructor(
    private readonly origin: () => string,
    private readonly seed: number,
  ) {}

  async send(sent: ClientRequest): Promise<ClientResponse> {
    const line = this.#lineOf(sent.session) ?? (await this.#connect(sent));
    if (!('client' in line)) return line;
    const wasServed = line.lastId !== null;
    const previous = this.#continues(sent) ? line.lastId : null;
    sent.isContinuing = previous !== null;
    this.counts.add(previous === null ? 'whole turns' : 'continuations');
    line.lastId = null;
    const response = await exchange(line, sent, {
      model: sent.model,
      input: inputOf(sent),
      ...(previous === null ? {} : { previous_response_id: previous }),
    });
    if (response.closeCode !== null) this.counts.add(`closed with ${response.closeCode}`);
    const isLeft = response.closeCode !== null && sent.attempts.length === 0;
    if (wasServed && previous === null && isLeft) this.counts.add(CLOSED_IDLE);
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#lines.values()) await client[Symbol.asyncDispose]();
  }

  #lineOf(session: string): Line | null {
    const line = this.#lines.get(session) ?? null;
    if (line === null || line.client.end === null) return line;
    this.#lines.delete(session);
    if (line.lastId !== null) this.counts.add(CLOSED_IDLE);
    return null;
  }

  /** Opens the session's WebSocket; returns the response if that fails. */
  async #connect(sent: ClientRequest): Promise<Line | ClientResponse> {
    const { session, model } = sent;
    const headers = { 'x-codex-turn-metadata': JSON.stringify({ session_id: session, model }) };
    let opened: SocketClient | RefusedHandshake;
    try {
      opened = await SocketClient.tryToConnect(this.origin(), { session, headers });
    } catch {
      return responseOf({ status: null, at: Date.now(), text: '' }); // the program was killed
    }
    if (!(opened instanceof SocketClient)) {
      this.counts.add(`handshakes refused with ${opened.status}`);
      return responseOf({ ...opened, at: Date.now() });
    }
    this.counts.add('handshakes');
    const line: Line = { client: opened, seen: 0, lastId: null };
    this.#lines.set(session, line);
    if (this.#known.has(session)) return line;
    this.#known.add(session);
    const prewarm = await exchange(line, sent, { model, input: [], generate: false });
    this.counts.add(line.lastId === null ? 'prewarms without success' : 'prewarms');
    return line.lastId === null ? prewarm : line;
  }

  #continues({ turn, number }: ClientRequest): boolean {
    if (number > 1) return false;
    return new SeededRandom(this.seed ^ Math.imul(turn + 11, 0x27d4eb2f)).happens(CONTINUATION_RATIO);
  }
}

/** Sends a message on a WebSocket and reads the response to it. */
async function exchange(line: Line, sent: ClientRequest, fields: object): Promise<ClientResponse> {
  const { client } = line;
  const rest = (): SocketMessage[] => client.messages.slice(line.seen);
  const what = `the response to turn ${sent.turn}.${sent.number}`;
  const attempts = sent.attempts.length;
  client.send(JSON.stringify(responseCreate(sent.session, fields)));
  const watch = setInterval(() => {
    if (sent.attempts.length > attempts && sent.attempts.at(-1)?.reply === 'silent') client.cut();
  }, PATIENCE_MS);
  try {
    await client.until(() => client.end !== null || rest().length > 0, what, TURN_MS);
    const at = Date.now();
    await client.until(() => client.end !== null || rest().some(endsTurn), what, TURN_MS);
    const got = rest();
    line.seen += got.length;
    const last = got.at(-1);
    const isComplete = last !== undefined && typeOf(last) === 'response.completed';
    if (isComplete) line.lastId = finalMessage.parse(jsonOf(last)).response.id;
    const response = responseIn(got, at, client);
    // A message does not name the account that it comes from.
    const source = sent.attempts.find((it) => response.output[0]?.startsWith(`${it.mark} `));
    return { ...response, account: source?.account ?? null };
  } finally {
    clearInterval(watch);
  }
}

/** The messages of a turn as a response: an `error` in place of output stands for its HTTP status. */
function responseIn(got: readonly SocketMessage[], at: number, client: SocketClient): ClientResponse {
  const text = got.filter((it) => !prelude.has(typeOf(it))).map((it) => it.bytes.toString('utf8'));
  const last = got.at(-1);
  const type = last === undefined ? '' : typeOf(last);
  const hasOutput = text.some((it) => it.includes('<<output '));
  const refusal = type === 'error' && !hasOutput ? errorMessage.parse(jsonOf(last)) : null;
  const hasEnded = got.some(endsTurn);
  return responseOf({
    status: refusal?.status ?? (hasOutput || hasEnded ? 200 : null),
    at,
    text: text.join('\n'),
    headers: refusal?.headers ?? {},
    isComplete: type === 'response.completed',
    isBroken: !hasEnded,
    closeCode: hasEnded ? null : (client.end?.code ?? null),
  });
}
