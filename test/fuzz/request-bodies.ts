import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { aTurn } from '../support/pool/pool.js';
import type { Draw } from './draw.js';
import { oddText, spoilt } from './odd-json.js';

/** A body and the header fields that describe it, wrongly or not. */
export interface OddBody {
  readonly title: string;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

const MiB = 1_024 * 1_024;
const encoders = {
  gzip: (it: Buffer) => gzipSync(it),
  br: (it: Buffer) => brotliCompressSync(it),
  zstd: (it: Buffer) => zstdCompressSync(it),
  deflate: (it: Buffer) => deflateSync(it),
} as const;
const encodings = ['gzip', 'br', 'zstd', 'deflate'] as const;

/** The body of a turn, in any state. */
export function oddBody(draw: Draw): OddBody {
  return draw.one([plain, plain, encoded, encoded, mislabelled, bomb, large])(draw);
}

function plain(draw: Draw): OddBody {
  const bytes = oddText(
    draw,
    spoilt(draw, Object.fromEntries(Object.entries(aTurn({ prompt_cache_key: 'k' })))),
  );
  const type = draw.one([
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    '',
  ]);
  return {
    title: `${bytes.length} bytes as ${type}`,
    bytes,
    headers: type === '' ? {} : { 'content-type': type },
  };
}

function encoded(draw: Draw): OddBody {
  const encoding = draw.one(encodings);
  const whole = encoders[encoding](
    Buffer.from(JSON.stringify(aTurn({ input: 'x'.repeat(draw.size(1, 100_000)) }))),
  );
  const state = draw.one(['whole', 'cut', 'changed', 'doubled', 'with more behind']);
  const bytes = inState(draw, whole, state);
  return { title: `${encoding}, ${state}, ${bytes.length} bytes`, bytes, headers: jsonIn(encoding) };
}

function inState(draw: Draw, whole: Buffer, state: string): Buffer {
  switch (state) {
    case 'cut':
      return whole.subarray(0, draw.whole(0, whole.length - 1));
    case 'changed': {
      const changed = Buffer.from(whole);
      changed[draw.whole(0, whole.length - 1)] = draw.whole(0, 255);
      return changed;
    }
    case 'doubled':
      return Buffer.concat([whole, whole]);
    case 'with more behind':
      return Buffer.concat([whole, draw.bytes(draw.whole(1, 500))]);
    default:
      return whole;
  }
}

function mislabelled(draw: Draw): OddBody {
  const label = draw.one([
    ...encodings,
    'gzip, gzip',
    'identity',
    'compress',
    'x',
    'GZIP',
    'gzip;q=1',
    ',',
    'br, zstd',
  ]);
  const bytes = draw.happens(0.5) ? Buffer.from(JSON.stringify(aTurn())) : draw.bytes(draw.size(1, 2_000));
  return { title: `${bytes.length} bytes that claim to be ${label}`, bytes, headers: jsonIn(label) };
}

function bomb(draw: Draw): OddBody {
  const encoding = draw.one(encodings);
  const size = draw.size(MiB, 40 * MiB);
  const start = Buffer.from('{"model":"gpt-5.5","stream":true,"input":"');
  const bytes = encoders[encoding](Buffer.concat([start, Buffer.alloc(size, 0x61), Buffer.from('"}')]));
  return { title: `a bomb of ${size} bytes in ${encoding}`, bytes, headers: jsonIn(encoding) };
}

/** Large, and with the words that make the proxy look into a body. */
function large(draw: Draw): OddBody {
  const item = draw.one<unknown>([
    { type: 'reasoning', encrypted_content: 'gAAA' },
    { file_id: 'file_x' },
    { role: 'user', content: '"model":"}{[]\\' },
    [[[[]]]],
  ]);
  const count = draw.size(10, 60_000);
  const bytes = Buffer.from(JSON.stringify(aTurn({ input: Array.from({ length: count }, () => item) })));
  return {
    title: `${count} items ${JSON.stringify(item)}`,
    bytes,
    headers: { 'content-type': 'application/json' },
  };
}

const jsonIn = (encoding: string): Record<string, string> => ({
  'content-type': 'application/json',
  'content-encoding': encoding,
});
