import type { Draw } from './draw.js';

const words = [
  'model',
  'type',
  'error',
  'code',
  'message',
  'id',
  'input',
  'status',
  'response',
  'usage',
  '__proto__',
  'constructor',
  'toString',
  'length',
  '',
  '\u0000',
  'é',
  '\ud800',
] as const;

/** A value of any JSON type, not always one that JSON can carry exactly. */
export function oddValue(draw: Draw, depth = 2): unknown {
  const leaf = draw.one<() => unknown>([
    () => null,
    () => true,
    () => false,
    () => 0,
    () => -1,
    () => 1.5,
    () => 1e308,
    () => Number.MAX_SAFE_INTEGER + 2,
    () => -1e-320,
    () => '',
    () => 'a text',
    () => '2026-01-01T00:00:00Z',
    () => 'x'.repeat(draw.size(10, 20_000)),
    () => '\u0000\u0007\r\n\u2028',
    () => '\ud800 alone',
    () => [],
    () => ({}),
  ]);
  if (depth === 0 || draw.happens(0.6)) return leaf();
  if (draw.happens(0.4)) return draw.list(0, 5, () => oddValue(draw, depth - 1));
  return oddObject(draw, depth - 1);
}

/** An object with odd fields. */
export function oddObject(draw: Draw, depth = 2): Record<string, unknown> {
  return Object.fromEntries(draw.list(0, 5, () => [draw.one(words), oddValue(draw, depth)]));
}

/** Replaces some fields of an object by odd values, or leaves them out. */
export function spoilt(draw: Draw, object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(object).flatMap(([name, value]): [string, unknown][] => {
    if (draw.happens(0.6)) return [[name, value]];
    return draw.happens(0.3) ? [] : [[name, oddValue(draw)]];
  });
  return { ...Object.fromEntries(entries), ...(draw.happens(0.3) ? oddObject(draw) : {}) };
}

/** JSON text that may be broken, deep, long, doubled or not JSON at all. */
export function oddText(draw: Draw, value: unknown): Buffer {
  const text = JSON.stringify(value) ?? 'undefined';
  const depth = draw.size(10, 100_000);
  return draw.one<() => Buffer>([
    () => Buffer.from(text),
    () => Buffer.from(text),
    () => Buffer.from(text.slice(0, draw.whole(0, text.length))),
    () => Buffer.from(`\ufeff${text}`),
    () => Buffer.from(text + text),
    () => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`),
    () => Buffer.from(`${'{"input":'.repeat(depth)}1${'}'.repeat(depth)}`),
    () =>
      Buffer.concat([
        Buffer.from(text.slice(0, -1)),
        Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
        Buffer.from('}'),
      ]),
    () => Buffer.from(text.replace('{', '{"__proto__":{"model":"x"},"model":"a","model":{},')),
    () => Buffer.from(text.replaceAll(',', `,${' '.repeat(draw.size(1, 5_000))}\n`)),
    () => draw.bytes(draw.size(1, 2_000)),
    () => Buffer.from('<!DOCTYPE html><html><title>Just a moment...</title></html>'),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.alloc(0),
  ])();
}
