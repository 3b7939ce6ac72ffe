import { gzipSync } from 'node:zlib';
import { framed, messageTurn } from '../../src/fake-upstream/script/turn-events.js';
import type { Draw } from './draw.js';
import { oddEnvelope, oddHeaders } from './error-envelopes.js';
import { oddChunks } from './odd-chunks.js';
import { oddEvents } from './odd-events.js';

const KiB = 1_024;

/** The bytes of an answer. */
export interface OddAnswer {
  readonly title: string;
  readonly bytes: Buffer;
}

/** An answer of upstream, odd in one way or several. */
export function oddAnswer(draw: Draw): OddAnswer {
  return draw.one([refusal, refusal, refusal, stream, stream, oddHead, oddFraming, noHttp])(draw);
}

const statuses = [
  200, 201, 204, 206, 301, 304, 400, 400, 401, 401, 401, 402, 403, 404, 409, 413, 418, 422, 426, 429, 429,
  429, 500, 502, 503, 529, 599,
] as const;

/** A refusal in JSON, in the widest sense. */
function refusal(draw: Draw): OddAnswer {
  const status = draw.one(statuses);
  const body = oddEnvelope(draw);
  const lines = [
    `HTTP/1.1 ${status} X`,
    'content-type: application/json',
    ...oddHeaders(draw),
    `content-length: ${body.length}`,
  ];
  const shown = body.subarray(0, 300).toString('latin1');
  return { title: `${lines.join(' ¶ ').slice(0, 400)} ${shown}`, bytes: withHead(lines, body) };
}

/** An event stream with odd events, framed as any stream. */
function stream(draw: Draw): OddAnswer {
  const { title, bytes } = oddEvents(draw);
  const isGzip = draw.happens(0.1);
  const type = draw.happens(0.5) ? ['content-type: text/event-stream'] : [];
  const lines = [
    'HTTP/1.1 200 OK',
    ...type,
    ...oddHeaders(draw),
    ...(isGzip ? ['content-encoding: gzip'] : []),
  ];
  const body = isGzip ? gzipSync(bytes) : bytes;
  const size = draw.size(1, 5_000);
  const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
    body.subarray(index * size, (index + 1) * size),
  );
  const coded = chunks.flatMap((it) => [
    Buffer.from(`${it.length.toString(16)}\r\n`),
    it,
    Buffer.from('\r\n'),
  ]);
  return {
    title: `a stream in ${chunks.length} chunks: ${title}; ${lines.slice(1).join(' ¶ ').slice(0, 300)}`,
    bytes: withHead(
      [...lines, 'transfer-encoding: chunked'],
      Buffer.concat([...coded, Buffer.from('0\r\n\r\n')]),
    ),
  };
}

const goodBody = Buffer.from(
  messageTurn(['a', 'b'])
    .map((it) => framed(it))
    .join(''),
);

/** A good stream behind an odd head. */
function oddHead(draw: Draw): OddAnswer {
  const line = draw.one([
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 099 X',
    'HTTP/1.1 999 X',
    'HTTP/1.1 2000 X',
    'HTTP/1.1 20 X',
    'HTTP/1.1 -1 X',
    'HTTP/2 200',
    'http/1.1 200 OK',
    'HTTP/1.1 200 \u00e9\u0001',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 101 Switching Protocols',
    'HTTP/1.1 204 X',
    `HTTP/1.1 200 ${'r'.repeat(30_000)}`,
    '200 OK',
    '',
  ]);
  const before = draw.one([
    '',
    '',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n',
    'HTTP/1.1 102 X\r\n\r\n'.repeat(50),
    '\r\n\r\n',
  ]);
  const field = draw.one<() => string>([
    () => `x-long: ${'x'.repeat(draw.size(KiB, 120 * KiB))}`,
    () => Array.from({ length: draw.size(10, 2_500) }, (_, it) => `x-${it}: ${it}`).join('\r\n'),
    () => 'x-latin: \u00e9\u0080\u00ff',
    () => 'x-control: a\u0001b',
    () => 'x-nul: a\u0000b',
    () => 'x-cr: a\rb',
    () => 'x-folded: a\r\n b',
    () => 'no colon',
    () => ': no name',
    () => 'x(y): z',
    () => 'content-type: text/event-stream\r\ncontent-type: application/json',
    () => 'connection: close, x-codex-turn-state, content-type',
    () => 'connection: upgrade\r\nupgrade: h2c',
    () => 'location: http://evil.example/\r\nrefresh: 0',
    () => 'x-codex-pool-account: evil\r\nx-codex-pool-error: evil',
    () => 'trailer: x\r\nte: trailers\r\nkeep-alive: timeout=0',
    () => 'date: x\r\ndate: y\r\nset-cookie: a\r\nset-cookie: b',
  ])();
  const length = draw.happens(0.5) ? [`content-length: ${goodBody.length}`] : ['connection: close'];
  const head = withHead([draw.happens(0.5) ? line : 'HTTP/1.1 200 OK', field, ...length], goodBody);
  return {
    title: `${JSON.stringify(before + head.toString('latin1')).slice(0, 200)}…`,
    bytes: Buffer.concat([Buffer.from(before), head]),
  };
}

/** A good head and stream with a framing that does not fit. */
function oddFraming(draw: Draw): OddAnswer {
  const chunks = oddChunks(draw, goodBody);
  const length = draw.one([
    goodBody.length + 10,
    goodBody.length - 10,
    0,
    -1,
    '1e3',
    '99999999999999999999',
    `${goodBody.length}, ${goodBody.length}`,
    'x',
  ]);
  const lines = draw.one([
    [`content-length: ${length}`],
    [`content-length: ${goodBody.length}`, `content-length: ${length}`],
    [`content-length: ${goodBody.length}`, 'transfer-encoding: chunked'],
    ['transfer-encoding: chunked'],
    ['transfer-encoding: chunked'],
    ['transfer-encoding: gzip, chunked'],
    ['transfer-encoding: x'],
    ['transfer-encoding: chunked', 'transfer-encoding: chunked'],
  ]);
  const isChunked = lines.some((it) => it.includes('chunked'));
  const more = draw.happens(0.2)
    ? Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno')
    : Buffer.alloc(0);
  return {
    title: `${lines.join(' ¶ ')}${isChunked ? `, ${chunks.title}` : ''}${more.length > 0 ? ', one more answer behind' : ''}`,
    bytes: Buffer.concat([
      withHead(['HTTP/1.1 200 OK', ...lines], isChunked ? chunks.bytes : goodBody),
      more,
    ]),
  };
}

function noHttp(draw: Draw): OddAnswer {
  const bytes = draw.one([
    Buffer.alloc(0),
    draw.bytes(draw.size(1, 3_000)),
    Buffer.from('SSH-2.0-x\r\n'),
    Buffer.from('<html>'),
    Buffer.from('\r\n'.repeat(500)),
    Buffer.from('15030300020228', 'hex'),
  ]);
  return { title: `no HTTP: ${bytes.subarray(0, 20).toString('hex')}`, bytes };
}

function withHead(lines: readonly string[], body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
