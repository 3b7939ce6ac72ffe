import { responseCreate } from '../support/clients/codex-socket.js';
import { type RefusedHandshake, SocketClient } from '../support/clients/socket-client.js';
import { endsTurn, jsonOf, type SocketMessage, typeOf } from '../support/clients/socket-message.js';
import { inputOf, responseOf } from './storm-response.js';
import type { ClientRequest, ClientResponse } from './storm-turn.js';

/** Longer than any turn of a storm takes on a busy machine. */
const TURN_LIMIT_MS = 60_000;
const NOT_FOUND = 'previous_response_not_found';

interface OpenSocket {
  readonly client: SocketClient;
  /** The id of its last completed response; null before the first. */
  lastResponseId: string | null;
}

/** Sends turns as Codex does over WebSockets: one socket per session, opened again when it has ended. */
export class StormSockets implements Disposable {
  turns = 0;
  reconnects = 0;
  readonly #open = new Map<string, OpenSocket>();

  constructor(private readonly origin: () => string) {}

  /** Whether the session has a socket with a response that a turn can continue. */
  canContinue(session: string): boolean {
    const socket = this.#open.get(session);
    return socket !== undefined && socket.client.end === null && socket.lastResponseId !== null;
  }

  async send(request: ClientRequest): Promise<ClientResponse> {
    this.turns += 1;
    const socket = await this.#socketOf(request);
    if (!('client' in socket)) return refused(socket);
    const { client } = socket;
    const from = client.messages.length;
    const previous = request.isContinuing ? { previous_response_id: socket.lastResponseId } : {};
    const fields = { model: request.model, input: inputOf(request), ...previous };
    client.send(JSON.stringify(responseCreate(request.session, fields)));
    const isOver = (): boolean =>
      client.end !== null || client.messages.slice(from).some((it) => endsTurn(it));
    await client.until(isOver, 'the end of a turn', TURN_LIMIT_MS);
    const messages = client.messages.slice(from);
    const last = messages.findLast((it) => endsTurn(it));
    if (last !== undefined && typeOf(last) === 'response.completed')
      socket.lastResponseId = responseIdIn(last);
    return received(messages, last);
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#open.values()) client.cut();
  }

  /** The session's socket, or the refusal of its handshake; null if the connection ended first. */
  async #socketOf({
    session,
    model,
  }: ClientRequest): Promise<OpenSocket | RefusedHandshake | { status: null }> {
    const known = this.#open.get(session);
    if (known !== undefined && known.client.end === null) return known;
    if (known !== undefined) this.reconnects += 1;
    const metadata = JSON.stringify({ session_id: session, thread_id: session, request_kind: 'turn', model });
    const headers = { 'x-codex-turn-metadata': metadata };
    try {
      const result = await SocketClient.tryToConnect(this.origin(), { session, headers });
      if (!(result instanceof SocketClient)) return result;
      const opened = { client: result, lastResponseId: null };
      this.#open.set(session, opened);
      return opened;
    } catch {
      return { status: null }; // the program was killed
    }
  }
}

function refused(refusal: RefusedHandshake | { readonly status: null }): ClientResponse {
  if (refusal.status === null) return responseOf({ status: null, at: Date.now(), text: '' });
  const { status, headers, text } = refusal;
  return responseOf({ status, at: Date.now(), text, headers });
}

function received(messages: readonly SocketMessage[], last: SocketMessage | undefined): ClientResponse {
  const text = messages.map((it) => it.bytes.toString()).join('\n');
  const first = messages.find((it) => typeOf(it) !== 'codex.rate_limits');
  const at = first === undefined ? Date.now() : Math.round(performance.timeOrigin + first.at);
  const isCut = last === undefined;
  // Codex treats an unknown response as a broken socket.
  if ((isCut && !messages.some((it) => typeOf(it).startsWith('response.'))) || text.includes(NOT_FOUND))
    return responseOf({ status: null, at, text });
  const { status, headers } = isCut ? {} : jsonOf(last);
  return responseOf({
    status: typeof status === 'number' ? status : 200,
    at,
    text,
    headers: headersIn(headers),
    isComplete: last !== undefined && typeOf(last) === 'response.completed',
    isBroken: isCut,
  });
}

function headersIn(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, String(it)]));
}

function responseIdIn(message: SocketMessage): string | null {
  const { response } = jsonOf(message);
  return typeof response === 'object' && response !== null && 'id' in response ? String(response.id) : null;
}
