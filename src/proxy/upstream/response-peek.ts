import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { limits } from '../../config/limits.js';
import { type ErrorEnvelope, noError, readCutEnvelope, readEnvelope } from '../outcome/error-envelope.js';
import { failureInEvent } from '../outcome/event-failure.js';
import { failureEvents, isOutput } from '../outcome/response-events.js';
import { looksLikeEventStream } from '../event-stream/event-stream-start.js';
import { inflated } from '../request/body-inspection.js';
import { SseReader } from '../event-stream/sse-reader.js';

/** An upstream response with its head and the part of its body that was already read; paused. */
export interface PeekedResponse {
  readonly response: IncomingMessage;
  readonly head: readonly Buffer[];
  /** Whether it is a turn's event stream, by its label or its first bytes. */
  readonly isEventStream: boolean;
}

/** How the peek at a turn's response ended. */
export type PeekEnd =
  | { readonly kind: 'output'; readonly head: readonly Buffer[] }
  /** The first bytes do not start an event stream. */
  | { readonly kind: 'plain'; readonly head: readonly Buffer[] }
  | { readonly kind: 'failed'; readonly head: readonly Buffer[]; readonly envelope: ErrorEnvelope }
  | { readonly kind: 'broken'; readonly error: Error };

const EVENT_END = Buffer.from('\n\n');

/** Whether the body is readable without decoding; compressed bodies are passed on unread. */
export function isReadable({ headers }: IncomingMessage): boolean {
  return /^\s*(?:identity\s*)?$/i.test(headers['content-encoding'] ?? '');
}

/** Whether `content-type` declares an event stream; null without a label, as the backend sends turns. */
function labelledEventStream({ headers }: IncomingMessage): boolean | null {
  const label = (headers['content-type'] ?? '').trim();
  return label === '' ? null : /^text\/event-stream\b/i.test(label);
}

/**
 * Holds the 2xx response to a turn until the first output of its event stream, or until a failure event. The
 * backend sends turns without a content type (docs/protocol.md, section 3), so a response without a label is judged
 * by its first bytes. A stream without output or failure within 10 s of its first byte and 1 MiB counts as output
 * and is passed on; a failure event that has begun by then counts. A stream that ends earlier is broken, and so is an empty response, unless its label declares
 * another type. An image stream has events of its own, and any proper end completes it.
 */
export async function peekForOutput(response: IncomingMessage, isImages: boolean = false): Promise<PeekEnd> {
  const head: Buffer[] = [];
  let bytes = 0;
  const label = labelledEventStream(response);
  let isEventStream = label === true ? true : null;
  let isDecided = false;
  let timer: NodeJS.Timeout | undefined;
  const { promise, resolve } = Promise.withResolvers<PeekEnd>();
  const decide = (end: PeekEnd) => {
    isDecided = true;
    reader.stop();
    resolve(end);
  };
  const output = () => decide({ kind: isEventStream === true ? 'output' : 'plain', head });
  const reader = new SseReader(
    ({ type, data }) => {
      if (isDecided || type === null) return;
      if (isOutput(type) || (isImages && type.startsWith('image_'))) output();
      else if (failureEvents.has(type))
        decide({ kind: 'failed', head, envelope: failureInEvent(data).envelope });
    },
    (type) => type === null || failureEvents.has(type),
  );
  /** Too long to be read to its end: its beginning tells the error. */
  const atBound = () => {
    const { type, data } = reader.unfinished ?? { type: null, data: null };
    if (type === null || !failureEvents.has(type)) return output();
    decide({ kind: 'failed', head, envelope: failureInEvent(data).envelope });
  };
  /** Bytes not yet given to the reader; null once the type of the body is decided. */
  const unread = (chunk: Buffer): Buffer | null => {
    if (isEventStream !== null) return chunk;
    const start = head.length === 1 ? chunk : Buffer.concat(head);
    isEventStream = looksLikeEventStream(start);
    if (isEventStream === null && start.length > limits.streamStartBytes) isEventStream = false;
    return isEventStream === null ? null : start;
  };
  const onData = (chunk: Buffer) => {
    head.push(chunk);
    if (isDecided) return; // it came in the same read and is passed on with the rest
    bytes += chunk.length;
    timer ??= setTimeout(output, limits.peekMs);
    const fresh = unread(chunk);
    if (fresh !== null && isEventStream === true) reader.push(fresh);
    if (isEventStream === false) output();
    else if (bytes >= limits.peekBytes) atBound();
  };
  const onEnd = () => {
    if (isEventStream === null && label === false) output();
    if (!isDecided) reader.push(EVENT_END); // the last event may lack its blank line
    if (isImages && isEventStream === true) return output();
    onBroken(new Error('the stream ended without output'));
  };
  const onBroken = (error?: Error) =>
    resolve({ kind: 'broken', error: error ?? new Error('the stream broke off') });
  response.on('data', onData).once('end', onEnd).once('error', onBroken).once('close', onBroken);
  try {
    const end = await promise;
    response.pause();
    return end;
  } finally {
    clearTimeout(timer);
    response.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
  }
}

/** A refusal, read as far as needed to understand it; the rest can still be relayed. */
export interface RefusalBody extends PeekedResponse {
  readonly envelope: ErrorEnvelope | null;
  /** Whether the body begins like HTML. */
  readonly isHtml: boolean;
}

/** Reads the body of a refusal, within a bound in bytes and time, and parses its error. */
export async function readRefusalBody(response: IncomingMessage): Promise<RefusalBody> {
  const head: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const enough = () => resolve();
  const onData = (chunk: Buffer) => {
    head.push(chunk);
    bytes += chunk.length;
    if (bytes >= limits.refusalBytes) enough();
  };
  const timer = setTimeout(enough, limits.refusalMs);
  response.on('data', onData).once('end', enough).once('error', enough).once('close', enough);
  try {
    await promise;
    response.pause();
  } finally {
    clearTimeout(timer);
    response.off('data', onData).off('end', enough).off('error', enough).off('close', enough);
  }
  return {
    response,
    head,
    isEventStream: false,
    ...(await errorIn(Buffer.concat(head), response.headers)),
  };
}

async function errorIn(
  body: Buffer,
  headers: IncomingHttpHeaders,
): Promise<Pick<RefusalBody, 'envelope' | 'isHtml'>> {
  const isLabelledHtml = /html/i.test(headers['content-type'] ?? '');
  let text: string;
  try {
    text = (await inflated(body, headers['content-encoding'])).toString('utf8');
  } catch {
    return { envelope: null, isHtml: false }; // cut off or damaged: only the status counts
  }
  const isHtml = /^\s*</.test(text) || (isLabelledHtml && !/^\s*[[{"]/.test(text));
  return { envelope: envelopeIn(text), isHtml };
}

function envelopeIn(text: string): ErrorEnvelope | null {
  try {
    return readEnvelope(JSON.parse(text));
  } catch {
    if (/^\s*</.test(text) || text.trim() === '') return null;
    return readCutEnvelope(text) ?? { ...noError, message: text.slice(0, 1_000) };
  }
}

/** Discards a response: reads a short rest so that the connection can be reused, else closes it. */
export function discard(response: IncomingMessage): void {
  if (response.readableEnded || response.destroyed) return;
  let left = limits.drainBytes;
  const timer = setTimeout(() => response.destroy(), limits.drainMs);
  response
    .on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) response.destroy();
    })
    .once('close', () => clearTimeout(timer))
    .once('error', () => clearTimeout(timer))
    .resume();
}
