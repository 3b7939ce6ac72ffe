import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzip,
  inflate,
  zstdDecompress,
} from 'node:zlib';
import { promisify } from 'node:util';
import { limits } from '../../config/limits.js';
import { isRecord } from '../../runtime/is-record.js';
import { concatChunks } from './concat-chunks.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { sessionKeyFromBody } from './session-key.js';

const decoders: Readonly<
  Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** Larger than the default of 16 KiB, with which most of the time is spent between chunks. */
const options = { chunkSize: 256 * 1_024 };
const decoding: Readonly<Record<string, () => NodeJS.ReadWriteStream & AsyncIterable<unknown>>> = {
  gzip: () => createGunzip(options),
  'x-gzip': () => createGunzip(options),
  deflate: () => createInflate(options),
  br: () => createBrotliDecompress(options),
  zstd: () => createZstdDecompress(options),
};

/** Longer model names are ignored. */
const MODEL_CHARS = 1_000;
/** Bounds of both names in the usage records. */
const RECORDED_MODEL_CHARS = 100;
const RECORDED_EFFORT_CHARS = 20;

/** The model and the reasoning effort of a turn; null for each that its request does not name. */
export interface ModelAndEffort {
  readonly model: string | null;
  readonly effort: string | null;
}

/** The facts in the JSON of a body: a few short strings, so that none of the JSON has to be kept. */
export interface BodyFacts extends ModelAndEffort {
  readonly sessionKey: string | null;
}

export const noFacts: BodyFacts = { sessionKey: null, model: null, effort: null };

/**
 * Parses a body once. Null if it cannot be inflated, or if the budget of the process lacks room for its JSON, which
 * is estimated at the size of the plain bytes.
 */
export async function factsOf(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
): Promise<BodyFacts | null> {
  return inspectBody(body, contentEncoding, budget, (plain) => {
    using room = new BudgetClaim(budget);
    return room.more(plain.length) ? factsIn(jsonIn(plain)) : null;
  });
}

/**
 * Calls `read` with a request's body without its content encoding. The inflated copy counts in the budget of the
 * process and is released after the call, so `read` must keep nothing of it. Returns null without calling `read` if
 * the body cannot be inflated within its bound and the budget: only upstream judges what the client sends.
 */
export async function inspectBody<T>(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
  read: (plain: Buffer) => T | Promise<T>,
): Promise<T | null> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return await read(body);
  const decode = decoding[encoding];
  if (decode === undefined) return null;
  using room = new BudgetClaim(budget);
  const pieces: Buffer[] = [];
  try {
    const stream = decode();
    stream.end(body);
    for await (const piece of stream) {
      if (!Buffer.isBuffer(piece) || !room.more(piece.length)) return null;
      if (room.bytes > limits.inflatedBodyBytes) return null;
      pieces.push(piece);
    }
  } catch {
    return null; // damaged
  }
  return await read(concatChunks(pieces));
}

/**
 * Returns a body without its content encoding. Rejects if the encoding is unknown, the body is damaged, or the result
 * exceeds `limits.inflatedBodyBytes`.
 */
export async function inflated(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return body;
  const decode = decoders[encoding];
  if (decode === undefined) throw new Error(`unknown content encoding ${encoding}`);
  return decode(body, { maxOutputLength: limits.inflatedBodyBytes });
}

/** Reads model and effort from `x-codex-turn-metadata` (docs/protocol.md, turns over HTTP) without parsing it. */
export function modelAndEffortIn(metadata: string): ModelAndEffort {
  return {
    model: field(metadata, 'model', RECORDED_MODEL_CHARS),
    effort: field(metadata, 'reasoning_effort', RECORDED_EFFORT_CHARS),
  };
}

/** Null if the bytes are plain. */
function encodingOf(contentEncoding: string | undefined): string | null {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? null : encoding;
}

/** Null if the bytes are not JSON. */
function jsonIn(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch {
    return null;
  }
}

function factsIn(json: unknown): BodyFacts {
  if (!isRecord(json)) return noFacts;
  const { model, reasoning } = json;
  const effort = isRecord(reasoning) ? reasoning['effort'] : null;
  return {
    sessionKey: sessionKeyFromBody(json),
    model: typeof model === 'string' && model.length <= MODEL_CHARS ? model : null,
    effort: typeof effort === 'string' ? effort.slice(0, RECORDED_EFFORT_CHARS) : null,
  };
}

function field(json: string, name: string, maxLength: number): string | null {
  return new RegExp(`"${name}"\\s*:\\s*"([^"\\\\]{1,${maxLength}})"`).exec(json)?.[1] ?? null;
}
