import { constants, deflateRawSync } from 'node:zlib';
import type { Draw } from './draw.js';
import { oddText, oddValue } from './odd-json.js';

/** A WebSocket frame as RFC 6455 5.2 lays it out, with any values. */
export interface Frame {
  readonly isFinal?: boolean;
  /** RSV1 to RSV3, as bits 4, 2, 1. */
  readonly reserved?: number;
  readonly opcode: number;
  readonly payload: Buffer;
  /** The length that the frame claims; default: that of the payload. */
  readonly claims?: bigint;
  /** The form of the length: 7, 16 or 64 bits; default: the shortest. */
  readonly lengthBits?: 7 | 16 | 64;
}

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** The bytes of a frame; `isMasked` as from a client. */
export function frameBytes(frame: Frame, isMasked: boolean): Buffer {
  const { isFinal = true, reserved = 0, opcode, payload } = frame;
  const length = frame.claims ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const marker = { 7: Number(length & 0x7fn), 16: 126, 64: 127 }[bits];
  const head = Buffer.from([(isFinal ? 0x80 : 0) | (reserved << 4) | opcode, (isMasked ? 0x80 : 0) | marker]);
  const extended = Buffer.alloc({ 7: 0, 16: 2, 64: 8 }[bits]);
  if (bits === 16) extended.writeUInt16BE(Number(length & 0xffffn));
  if (bits === 64) extended.writeBigUInt64BE(BigInt.asUintN(64, length));
  if (!isMasked) return Buffer.concat([head, extended, payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((it, index) => it ^ (mask[index % 4] ?? 0));
  return Buffer.concat([head, extended, mask, masked]);
}

export const textFrame = (value: unknown): Frame => ({
  opcode: TEXT,
  payload: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});

/** Frames that break a rule of RFC 6455, strain a limit, or are only unusual. `text`: a good message of this side. */
export function oddFrames(
  draw: Draw,
  text: Buffer,
): { readonly title: string; readonly frames: readonly Frame[] } {
  const small = draw.bytes(draw.whole(0, 125));
  const [title, make] = draw.any(Object.entries<Maker>(makers));
  return { title, frames: make(draw, text, small) };
}

type Maker = (draw: Draw, text: Buffer, small: Buffer) => Frame[];

const makers = {
  'reserved bits': (draw, text) => [{ opcode: TEXT, payload: text, reserved: draw.whole(1, 7) }],
  'an unknown opcode': (draw, _text, small) => [{ opcode: draw.one([3, 4, 7, 11, 15]), payload: small }],
  'a long control frame': (draw) => [
    { opcode: draw.one([CLOSE, PING, PONG]), payload: draw.bytes(draw.whole(126, 400)) },
  ],
  'a fragmented control frame': (draw, _text, small) => [
    { opcode: draw.one([CLOSE, PING]), payload: small, isFinal: false },
  ],
  'a continuation of nothing': (_draw, text) => [{ opcode: 0, payload: text }],
  'a message inside a message': (_draw, text) => [
    { opcode: TEXT, payload: text, isFinal: false },
    { opcode: TEXT, payload: text },
  ],
  'an endless message': (draw, text) => [
    { opcode: TEXT, payload: text, isFinal: false },
    ...draw.list(5, 200, () => ({ opcode: 0, payload: text, isFinal: false })),
  ],
  'fragments and pings': (draw, text, small) =>
    fragments(draw, text).flatMap((it) => [it, { opcode: PING, payload: small }]),
  'tiny fragments': (draw, text) =>
    [...text.subarray(0, 800)]
      .map((it, index) => ({
        opcode: index === 0 ? TEXT : 0,
        payload: Buffer.from([it]),
        isFinal: index === Math.min(799, text.length - 1),
      }))
      .concat(draw.happens(0.5) ? [{ opcode: 0, payload: Buffer.alloc(0), isFinal: true }] : []),
  'many pings': (draw, _text, small) => draw.list(50, 2_000, () => ({ opcode: PING, payload: small })),
  'unasked pongs': (draw, _text, small) => draw.list(1, 300, () => ({ opcode: PONG, payload: small })),
  'a huge length': (draw, text) => [
    {
      opcode: TEXT,
      payload: text,
      claims: draw.one([2n ** 63n, 2n ** 53n + 1n, 2n ** 40n, 33n * 1_048_576n]),
      lengthBits: 64,
    },
  ],
  'a length in the wrong form': (draw, text) => [
    { opcode: TEXT, payload: text, lengthBits: draw.one([16, 64]) },
  ],
  'a length that is too short': (_draw, text) => [
    { opcode: TEXT, payload: text, claims: BigInt(Math.floor(text.length / 2)) },
  ],
  'text that is no UTF-8': (draw) => [
    {
      opcode: TEXT,
      payload: Buffer.concat([
        Buffer.from('{"type":"response.create","x":"'),
        draw.one([
          Buffer.from([0xff]),
          Buffer.from([0xed, 0xa0, 0x80]),
          Buffer.from([0xf4, 0x90, 0x80, 0x80]),
        ]),
        Buffer.from('"}'),
      ]),
    },
  ],
  'UTF-8 cut by a fragment': () => [
    { opcode: TEXT, payload: Buffer.from([0x22, 0xc3]), isFinal: false },
    { opcode: 0, payload: Buffer.from([0xa9, 0x22]) },
  ],
  binary: (draw, text) => [{ opcode: BINARY, payload: draw.happens(0.5) ? text : draw.bytes(500) }],
  'an empty message': () => [{ opcode: TEXT, payload: Buffer.alloc(0) }],
  'a close': (draw) => [closeFrame(draw)],
  'frames after a close': (draw, text) => [
    closeFrame(draw),
    { opcode: TEXT, payload: text },
    closeFrame(draw),
  ],
  'garbage that claims to be deflated': (draw) => [
    { opcode: TEXT, payload: draw.bytes(draw.size(1, 2_000)), reserved: 4 },
  ],
  'a deflated message': (_draw, text) => [{ opcode: TEXT, payload: deflated(text), reserved: 4 }],
  'a deflated bomb': (draw) => [
    { opcode: TEXT, payload: deflated(Buffer.alloc(draw.size(1_048_576, 50_331_648), 0x61)), reserved: 4 },
  ],
  'random bytes': (draw) => [
    {
      opcode: draw.whole(0, 15),
      payload: draw.bytes(draw.size(1, 1_000)),
      reserved: draw.whole(0, 7),
      isFinal: draw.happens(0.5),
    },
  ],
  'odd JSON': (draw) => draw.list(1, 8, () => ({ opcode: TEXT, payload: oddText(draw, oddValue(draw)) })),
  'many messages': (draw, text) => draw.list(5, 60, () => ({ opcode: TEXT, payload: text })),
  'a large message': (draw, text) => [
    {
      opcode: TEXT,
      payload: Buffer.concat([
        text.subarray(0, -1),
        Buffer.from(`,"x":"${'x'.repeat(draw.size(100_000, 4_000_000))}"}`),
      ]),
    },
  ],
} satisfies Record<string, Maker>;

function fragments(draw: Draw, text: Buffer): Frame[] {
  const size = draw.size(1, text.length);
  const count = Math.min(200, Math.ceil(text.length / size));
  return Array.from({ length: count }, (_, index) => ({
    opcode: index === 0 ? TEXT : 0,
    payload: text.subarray(index * size, index === count - 1 ? text.length : (index + 1) * size),
    isFinal: index === count - 1,
  }));
}

function closeFrame(draw: Draw): Frame {
  const code = draw.one([
    0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 1015, 1016, 2999, 3000,
    4999, 5000, 65_535,
  ]);
  const codeBytes = Buffer.from([code >> 8, code & 255]);
  const reason = draw.one([
    Buffer.alloc(0),
    Buffer.from('a reason'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('r'.repeat(123)),
  ]);
  return {
    opcode: CLOSE,
    payload: draw.one([Buffer.alloc(0), Buffer.from([3]), Buffer.concat([codeBytes, reason])]),
  };
}

function deflated(bytes: Buffer): Buffer {
  return deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}
