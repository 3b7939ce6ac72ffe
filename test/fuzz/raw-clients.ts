import { aTurn } from '../support/pool/pool.js';
import { clientCredentials } from './canary.js';
import type { BatchKind, FuzzInput } from './batch.js';
import type { Draw } from './draw.js';
import { type Delivery, type Ending, piecesOf } from './fuzz-client.js';
import { oddChunks } from './odd-chunks.js';
import { joined, nearlyGoodHead, oddHandshake, oddHead } from './raw-heads.js';
import { type OddBody, oddBody } from './request-bodies.js';

const WAIT_MS = 700;
const MANY_REQUESTS = 2_000;

/** Bytes that a client sends on one connection. `methods`: those of its requests; null if they cannot be known. */
interface Sending {
  readonly title: string;
  readonly bytes: Buffer;
  readonly methods: readonly string[] | null;
}

/** Clients at TCP level that send anything. */
export const rawClients: BatchKind = {
  name: 'raw clients',
  inputs: 48,
  concurrency: 8,
  blamesNoAccount: true,
  make: (draw) =>
    inputOf(
      draw,
      draw.one([oddRequests, oddRequests, oddRequests, pipelined, oddTurn, oddTurn, chunked, noHttp])(draw),
    ),
};

function inputOf(draw: Draw, { title, bytes, methods }: Sending): FuzzInput {
  const delivery: Delivery = draw.one(['whole', 'whole', 'pieces', 'bytes']);
  const ending: Ending = draw.one(['wait', 'wait', 'wait', 'half-close', 'reset', 'close']);
  const cuts = draw.list(1, 6, () => draw.whole(0, bytes.length));
  const stop = ending === 'wait' || draw.happens(0.5) ? bytes.length : draw.whole(0, bytes.length);
  const endsAfterMs = draw.happens(0.4) ? 0 : draw.whole(1, 60);
  const isReading = draw.happens(0.93);
  return {
    title: `${title}; ${delivery}, ${ending} after ${stop} of ${bytes.length} bytes${isReading ? '' : ', never reads'}`,
    run: async (setting) => {
      using client = setting.client();
      if (!isReading) client.pause();
      await client.write(piecesOf(bytes.subarray(0, stop), delivery, cuts), ending, endsAfterMs);
      await client.answers(
        methods ?? [],
        methods?.length ?? Number.POSITIVE_INFINITY,
        isReading ? WAIT_MS : 300,
      );
      return client.allFindings(methods ?? []);
    },
  };
}

/** One to three requests with odd heads, some with a body that does not fit. */
function oddRequests(draw: Draw): Sending {
  const drawn = draw.list(1, 3, () => draw.one([oddHead, nearlyGoodHead, oddHandshake])(draw));
  // Only alone: which answer belongs to HEAD, and so has no body, is unknown if an odd request gets none.
  const heads = drawn.length > 1 ? drawn.filter(({ method }) => method !== 'HEAD') : drawn;
  const parts = heads.map(({ lines }) => {
    const body = draw.happens(0.4) ? Buffer.from('{"model":"gpt-5.5"}') : Buffer.alloc(0);
    return Buffer.concat([joined(draw, lines), body]);
  });
  const title = heads.map(({ lines }) => lines.map((it) => shortened(it)).join(' ¶ ')).join(' ‖ ');
  const isHead = heads[0]?.method === 'HEAD';
  return { title, bytes: Buffer.concat(parts), methods: isHead ? ['HEAD'] : null };
}

/** Good requests behind each other, turns among them. */
function pipelined(draw: Draw): Sending {
  const count = draw.happens(0.1) ? MANY_REQUESTS : draw.size(2, 60);
  const few = count < 20 ? [turn, turnThatExpects, wrongMethod] : [];
  const requests = Array.from({ length: count }, () => draw.one([get, unknownRoute, ...few])(draw));
  return {
    title: `${count} pipelined requests: ${requests
      .slice(0, 6)
      .map((it) => shortened(it))
      .join(' ‖ ')}`,
    bytes: Buffer.from(requests.join('')),
    methods: requests.map((it) => it.split(' ', 1)[0] ?? ''),
  };
}

const credentials = Object.entries(clientCredentials)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const fields = `host: 127.0.0.1\r\n${credentials}`;

const get = (draw: Draw): string =>
  `GET ${draw.one(['/healthz', '/v1/models', '/admin/accounts', '/backend-api/wham/usage'])} HTTP/1.1\r\n${fields}\r\n`;
const unknownRoute = (): string => `DELETE /nothing HTTP/1.1\r\n${fields}\r\n`;
const wrongMethod = (): string => `PUT /v1/responses HTTP/1.1\r\n${fields}content-length: 2\r\n\r\n{}`;
const turn = (): string => turnWith('');
const turnThatExpects = (): string => turnWith('expect: 100-continue\r\n');

function turnWith(more: string): string {
  const body = JSON.stringify(aTurn());
  return `POST /v1/responses HTTP/1.1\r\n${fields}${more}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** A turn with a good head and an odd body. */
function oddTurn(draw: Draw): Sending {
  const body = oddBody(draw);
  const path = draw.one([
    '/v1/responses',
    '/v1/responses',
    '/v1/images/generations',
    '/backend-api/files',
    '/v1/responses/compact',
    '/oauth/token',
  ]);
  const length = draw.happens(0.9) ? body.bytes.length : draw.whole(0, body.bytes.length + 10);
  const head = headOf(path, body, `content-length: ${length}`);
  return {
    title: `POST ${path}, length ${length}: ${body.title}`,
    bytes: Buffer.concat([head, body.bytes]),
    methods: length > body.bytes.length ? null : ['POST'],
  };
}

/** A turn in odd chunks. */
function chunked(draw: Draw): Sending {
  const body = oddBody(draw);
  const chunks = oddChunks(draw, body.bytes.subarray(0, 200_000));
  const head = headOf('/v1/responses', body, 'transfer-encoding: chunked');
  return {
    title: `a chunked turn, ${chunks.title}: ${body.title}`,
    bytes: Buffer.concat([head, chunks.bytes]),
    methods: null,
  };
}

function headOf(path: string, { headers }: OddBody, framing: string): Buffer {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${fields}${more.join('')}${framing}\r\n\r\n`);
}

/** Other protocols, and nothing at all. */
function noHttp(draw: Draw): Sending {
  const [title, bytes] = draw.one<[string, Buffer]>([
    ['a TLS hello', Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), draw.bytes(190)])],
    ['the preface of HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['HTTP/0.9', Buffer.from('GET /v1/models\r\n')],
    ['SOCKS', Buffer.from('050100', 'hex')],
    ['only line ends', Buffer.from('\r\n'.repeat(draw.size(1, 2_000)))],
    ['random bytes', draw.bytes(draw.size(1, 5_000))],
    ['nothing', Buffer.alloc(0)],
    ['a half line', Buffer.from('GET /v1/mo')],
    ['an endless line', Buffer.from(`GET /${'x'.repeat(draw.size(1_000, 200_000))}`)],
  ]);
  return { title: `${title}, ${bytes.length} bytes`, bytes, methods: null };
}

const shortened = (text: string): string => {
  const shown = JSON.stringify(text.replace(credentials, '')).slice(1, -1);
  return shown.length > 120 ? `${shown.slice(0, 100)}…(${text.length})` : shown;
};
