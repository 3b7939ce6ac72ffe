import type { IncomingMessage } from 'node:http';
import { limits } from '../../config/limits.js';
import { type ErrorEnvelope, readEnvelope } from './error-envelope.js';
import { failureEvents, failureIn } from './event-failure.js';
import { looksLikeEventStream } from './event-stream-start.js';
import { inflated } from '../request/body-inspection.js';
import { SseReader } from './sse-reader.js';

/** An answer of upstream whose head is known, with what was already read of its body; paused. */
export interface PeekedResponse {
  readonly response: IncomingMessage;
  readonly head: readonly Buffer[];
  /** A turn's event stream, by its label or by its first bytes. */
  readonly isEventStream: boolean;
}

/** How the hold of a turn's response ended. */
export type PeekEnd =
  | { readonly kind: 'output'; readonly head: readonly Buffer[] }
  /** Its first bytes are not those of an event stream. */
  | { readonly kind: 'plain'; readonly head: readonly Buffer[] }
  | { readonly kind: 'failed'; readonly head: readonly Buffer[]; readonly envelope: ErrorEnvelope }
  | { readonly kind: 'broken'; readonly error: Error };

const EVENT_END = Buffer.from('\n\n');
const outputPrefix = 'response.output_';
const endings = new Set(['response.completed', 'response.incomplete', 'response.done']);

/** Whether the body can be read as it comes: a compressed one is passed on without a look. */
export function isReadable({ headers }: IncomingMessage): boolean {
  return /^\s*(?:identity\s*)?$/i.test(headers['content-encoding'] ?? '');
}

/** Whether the label says that the body is an event stream; null without one, as the backend sends its turns. */
function labelledEventStream({ headers }: IncomingMessage): boolean | null {
  const label = (headers['content-type'] ?? '').trim();
  return label === '' ? null : /^text\/event-stream\b/i.test(label);
}

/**
 * Holds the 2xx response to a turn until the first output of its event stream, or the failure that comes instead.
 * The backend sends turns without a content type (docs/protocol.md, section 3), so a response without the label is
 * judged by its first bytes. A stream that brings neither output nor failure within 10 s of its first byte and 1 MiB
 * counts as output: it is passed on as it is. One that ends before is broken, and so is an empty response, unless
 * its label says that it is something else.
 */
export async function peekForOutput(response: IncomingMessage): Promise<PeekEnd> {
  const head: Buffer[] = [];
  let bytes = 0;
  const label = labelledEventStream(response);
  let isEventStream = label === true ? true : null;
  let isDecided = false;
  let timer: NodeJS.Timeout | undefined;
  const { promise, resolve } = Promise.withResolvers<PeekEnd>();
  const decide = (end: PeekEnd) => {
    isDecided = true;
    resolve(end);
  };
  const output = () => decide({ kind: isEventStream === true ? 'output' : 'plain', head });
  const reader = new SseReader(
    ({ type, data }) => {
      if (isDecided || type === null) return;
      if (type.startsWith(outputPrefix) || type.endsWith('.delta') || endings.has(type)) output();
      else if (failureEvents.has(type)) decide({ kind: 'failed', head, envelope: failureIn(data) });
    },
    (type) => type === null || failureEvents.has(type),
    limits.peekBytes,
  );
  /** The bytes that the reader has not seen; null while it is open whether they are an event stream. */
  const unread = (chunk: Buffer): Buffer | null => {
    if (isEventStream !== null) return chunk;
    const start = head.length === 1 ? chunk : Buffer.concat(head);
    isEventStream = looksLikeEventStream(start);
    if (isEventStream === null && start.length > limits.streamStartBytes) isEventStream = false;
    return isEventStream === null ? null : start;
  };
  const onData = (chunk: Buffer) => {
    head.push(chunk);
    if (isDecided) return; // it came in the same read, and goes on with the rest
    bytes += chunk.length;
    timer ??= setTimeout(output, limits.peekMs);
    const fresh = unread(chunk);
    if (fresh !== null && isEventStream === true) reader.push(fresh);
    if (isEventStream === false || bytes >= limits.peekBytes) output();
  };
  const onEnd = () => {
    if (isEventStream === null && label === false) output();
    if (!isDecided) reader.push(EVENT_END); // the last event may lack its blank line
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

/** A refusal that was read as far as needed to understand it; what is left of it can still go on as it is. */
export interface RefusalBody extends PeekedResponse {
  readonly envelope: ErrorEnvelope | null;
}

/** Reads the body of a refusal, within a bound in bytes and time, and the error in it. */
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
    envelope: await envelopeIn(Buffer.concat(head), response.headers['content-encoding']),
  };
}

async function envelopeIn(body: Buffer, contentEncoding: string | undefined): Promise<ErrorEnvelope | null> {
  let text: string;
  try {
    text = (await inflated(body, contentEncoding)).toString('utf8');
  } catch {
    return null; // cut or damaged: the status alone speaks
  }
  try {
    return readEnvelope(JSON.parse(text));
  } catch {
    return /^\s*</.test(text) || text === ''
      ? null
      : { codes: [], message: text.slice(0, 1_000), resetsAt: null, resetsInSeconds: null };
  }
}

/** Lets go of an answer that nobody gets: read to its end if that is near, so that its connection lives on. */
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
