import type { IncomingMessage } from 'node:http';
import { limits } from '../limits.js';
import { type ErrorEnvelope, readEnvelope } from './error-envelope.js';
import { inflated } from './request-json.js';
import { SseReader } from './sse-events.js';

/** An answer of upstream whose head is known, with what was already read of its body; paused. */
export interface HeldAnswer {
  readonly response: IncomingMessage;
  readonly head: readonly Buffer[];
}

/** What a held stream turned out to be. */
export type HoldEnd =
  | { readonly kind: 'output'; readonly head: readonly Buffer[] }
  | { readonly kind: 'failed'; readonly head: readonly Buffer[]; readonly envelope: ErrorEnvelope }
  | { readonly kind: 'broken'; readonly error: Error };

const EVENT_END = Buffer.from('\n\n');
const outputPrefix = 'response.output_';
const endings = new Set(['response.completed', 'response.incomplete', 'response.done']);
const failures = new Set(['response.failed', 'error']);

/** An event stream whose events can be seen; a compressed one is passed on as it is. */
export function isReadableEventStream({ headers }: IncomingMessage): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  return encoding === 'identity' && /^\s*text\/event-stream\b/i.test(headers['content-type'] ?? '');
}

/**
 * Holds an event stream until its first event of output, or the failure that came instead. A stream that
 * brings neither within the bounds counts as output: then it goes on as it is. One that ends before is broken.
 */
export async function holdForOutput(response: IncomingMessage): Promise<HoldEnd> {
  const head: Buffer[] = [];
  let bytes = 0;
  let isDecided = false;
  const { promise, resolve } = Promise.withResolvers<HoldEnd>();
  const decide = (end: HoldEnd) => {
    isDecided = true;
    resolve(end);
  };
  const output = () => decide({ kind: 'output', head });
  const reader = new SseReader(
    ({ type, data }) => {
      if (type === null) return;
      if (type.startsWith(outputPrefix) || type.endsWith('.delta') || endings.has(type)) output();
      else if (failures.has(type)) decide({ kind: 'failed', head, envelope: failureIn(data) });
    },
    (type) => type === null || failures.has(type),
    limits.holdBytes,
  );
  const onData = (chunk: Buffer) => {
    head.push(chunk);
    if (isDecided) return; // it came in the same read, and goes on with the rest
    bytes += chunk.length;
    reader.push(chunk);
    if (bytes >= limits.holdBytes) output();
  };
  const onEnd = () => {
    if (!isDecided) reader.push(EVENT_END); // the last event may lack its blank line
    onBroken(new Error('the stream ended without output'));
  };
  const onBroken = (error?: Error) =>
    resolve({ kind: 'broken', error: error ?? new Error('the stream broke off') });
  const timer = setTimeout(output, limits.holdMs);
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

/** `response.failed` has its error inside its response; a top-level `error` event is one itself. */
function failureIn(data: string | null): ErrorEnvelope {
  const none: ErrorEnvelope = { codes: [], message: '', resetsAt: null, resetsInSeconds: null };
  if (data === null) return none;
  try {
    const json: unknown = JSON.parse(data);
    const inside =
      typeof json === 'object' && json !== null && 'response' in json ? readEnvelope(json.response) : null;
    return inside ?? readEnvelope(json) ?? none;
  } catch {
    return none;
  }
}

/** A refusal that was read as far as needed to understand it; what is left of it can still go on as it is. */
export interface ReadRefusal extends HeldAnswer {
  readonly envelope: ErrorEnvelope | null;
}

/** Reads the body of a refusal, within a bound in bytes and time, and the error in it. */
export async function readRefusal(response: IncomingMessage): Promise<ReadRefusal> {
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
