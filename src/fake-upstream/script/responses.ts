import type {
  ScriptedResponse,
  ScriptedHeaders,
  CustomHandler,
  StreamResponse,
  StreamEnding,
  StreamStep,
  TurnFacts,
  WholeResponse,
} from './scripted-response.js';
import {
  completed,
  created,
  delta,
  failed,
  functionCallDone,
  messageAdded,
  messageDone,
  messageTurn,
  type TurnUsage,
} from './turn-events.js';

/** Options of a streamed turn. */
export interface StreamOptions {
  /** Exactly these steps (events, comments, bytes, gates) instead of a message. */
  readonly events?: readonly StreamStep[];
  /** The pieces of the message. Default: `served by <account>`. */
  readonly deltas?: readonly string[];
  readonly usage?: TurnUsage;
  readonly headers?: ScriptedHeaders;
  readonly lineEnding?: '\n' | '\r\n';
  /** Comment lines: the first before the first event, the second before the second, and so on. */
  readonly comments?: readonly string[];
  readonly pauseBetweenMs?: number;
  /** Only the head is sent before this resolves. */
  readonly gate?: Promise<unknown>;
  /** Closes the connection after the given events, or after the deltas, so that the message stays unfinished. */
  readonly thenCut?: boolean;
  readonly thenReset?: boolean;
  /** Like `thenCut`, but the connection stays open and silent. */
  readonly thenHang?: boolean;
}

/** A streamed turn; without options, a short message that names the account. */
export function streams(options: StreamOptions = {}): StreamResponse {
  const ending = endingOf(options);
  return streamOf((facts) => stepsOf(options, ending, facts), { ...options, ending });
}

function endingOf(options: StreamOptions): StreamEnding {
  if (options.thenCut === true) return 'cut';
  if (options.thenReset === true) return 'reset';
  return options.thenHang === true ? 'hang' : 'end';
}

function stepsOf(options: StreamOptions, ending: StreamEnding, facts: TurnFacts): StreamStep[] {
  const deltas = options.deltas ?? ['served ', 'by ', facts.account];
  const steps = options.events ?? (ending === 'end' ? messageTurn(deltas, options.usage) : openTurn(deltas));
  const { comments = [] } = options;
  const commented = steps.flatMap((step, index) => {
    const comment = comments[index];
    return comment === undefined ? [step] : [{ comment }, step];
  });
  return options.gate === undefined ? commented : [{ gate: options.gate }, ...commented];
}

function openTurn(deltas: readonly string[]): StreamStep[] {
  return [created(), messageAdded(), ...deltas.map((text) => delta(text))];
}

/** A stream whose steps are produced while it runs. */
export function streamOf(
  steps: StreamResponse['steps'],
  shape: Partial<Pick<StreamResponse, 'headers' | 'lineEnding' | 'pauseBetweenMs' | 'ending'>> = {},
): StreamResponse {
  const { headers = {}, lineEnding = '\n', pauseBetweenMs = 0, ending = 'end' } = shape;
  return { kind: 'stream', steps, headers, lineEnding, pauseBetweenMs, ending };
}

/** An event stream with exactly these bytes as its body; a list is written piece by piece. */
export function raw(bytes: Buffer | readonly Buffer[], headers: ScriptedHeaders = {}): StreamResponse {
  const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
  return streamOf(() => pieces.map((it) => ({ bytes: it })), { headers });
}

const LARGE_DELTA_BYTES = 64 * 1_024;

/** A turn with at least this many bytes of deltas, produced as fast as the client reads them. */
export function large(bytes: number, usage?: TurnUsage): StreamResponse {
  return streamOf(function* () {
    yield created();
    yield messageAdded();
    const piece = delta('x'.repeat(LARGE_DELTA_BYTES));
    for (let sent = 0; sent < bytes; sent += LARGE_DELTA_BYTES) yield piece;
    yield messageDone('a long text');
    yield completed(usage);
  });
}

/** A turn that asks the client to run a tool. The client then sends another request with the tool's output. */
export function toolCall(name: string, args: unknown, usage?: TurnUsage): StreamResponse {
  return streams({ events: [created(), functionCallDone(name, args), completed(usage)] });
}

/** A 200 stream whose first significant event is `response.failed` with this code. */
export function failedFirst(code: string, message?: string, extra?: object): StreamResponse {
  return streams({ events: [created(), failed(code, message, extra)] });
}

/** A whole response; an object is sent as JSON, a string as text. */
export function refuses(
  status: number,
  body: object | string | Buffer,
  headers: ScriptedHeaders = {},
): WholeResponse {
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(isJson ? JSON.stringify(body) : String(body));
  const contentType = isJson ? 'application/json' : 'text/plain; charset=utf-8';
  return { kind: 'whole', status, body: bytes, headers: { 'content-type': contentType, ...headers } };
}

/** Closes the connection after the request was read, before the first byte of a response. */
export function dropsConnection(): ScriptedResponse {
  return { kind: 'drop' };
}

/** A response that starts, head included, once the promise resolves. */
export function after(until: Promise<unknown>, response: ScriptedResponse): ScriptedResponse {
  return { kind: 'wait', until, response };
}

/** Stays silent until `release` is called, then sends the response (default: a turn). */
export function hangs(response: ScriptedResponse = streams()): ScriptedResponse & { release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { kind: 'wait', until: promise, response, release: resolve };
}

/** A response that depends on the model the request names. */
export function byModel(choose: (model: string | null) => ScriptedResponse): ScriptedResponse {
  return { kind: 'by-model', choose };
}

/** A response by a handler, for cases that no other builder covers. */
export function custom(handle: CustomHandler): ScriptedResponse {
  return { kind: 'custom', handle };
}
