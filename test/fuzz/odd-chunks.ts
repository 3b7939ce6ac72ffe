import type { Draw } from './draw.js';

/** A body in chunks, right or wrong. */
export function oddChunks(draw: Draw, body: Buffer): { readonly title: string; readonly bytes: Buffer } {
  const fault = draw.one([
    'right',
    'right',
    'extensions',
    'long extensions',
    'many extensions',
    'trailers',
    'bad trailers',
    'no end',
    'bare LF',
    'size too large',
    'size too small',
    'huge size',
    'negative size',
    'no hex',
    'spaces',
    'no size',
    'tiny chunks',
    'upper case',
  ]);
  const size = fault === 'tiny chunks' ? draw.whole(1, 3) : draw.size(10, 50_000);
  const parts: Buffer[] = [];
  const taken = fault === 'tiny chunks' ? body.subarray(0, 3_000) : body;
  const count = Math.ceil(taken.length / size);
  const spoiltAt = draw.whole(0, Math.max(0, count - 1));
  for (let i = 0; i < count; i += 1) {
    const data = taken.subarray(i * size, (i + 1) * size);
    const line =
      i === spoiltAt || fault.includes('extensions')
        ? sizeLine(fault, data.length)
        : data.length.toString(16);
    const end = fault === 'bare LF' && i === spoiltAt ? '\n' : '\r\n';
    parts.push(Buffer.from(`${line}${end}`, 'latin1'), data, Buffer.from(end));
  }
  return {
    title: `${fault} (${count} of ${size})`,
    bytes: Buffer.concat([...parts, Buffer.from(endOf(fault))]),
  };
}

function sizeLine(fault: string, size: number): string {
  switch (fault) {
    case 'extensions':
      return `${size.toString(16)};a=b;c="d;e"`;
    case 'long extensions':
      return `${size.toString(16)};${'x'.repeat(20_000)}`;
    case 'many extensions':
      return `${size.toString(16)}${';a=b'.repeat(500)}`;
    case 'size too large':
      return (size + 3).toString(16);
    case 'size too small':
      return Math.max(0, size - 3).toString(16);
    case 'huge size':
      return 'fffffffffffffffff';
    case 'negative size':
      return '-5';
    case 'no hex':
      return 'xyz';
    case 'spaces':
      return ` ${size.toString(16)} `;
    case 'no size':
      return '';
    case 'upper case':
      return `000${size.toString(16).toUpperCase()}`;
    default:
      return size.toString(16);
  }
}

function endOf(fault: string): string {
  if (fault === 'no end') return '';
  if (fault === 'trailers') return '0\r\nx-last: 1\r\nauthorization: Bearer x\r\ncontent-length: 5\r\n\r\n';
  if (fault === 'bad trailers') return '0\r\nno colon\r\n: x\r\n\u0000\r\n\r\n';
  return '0\r\n\r\n';
}
