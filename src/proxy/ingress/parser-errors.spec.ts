import { describe, expect, it } from 'vitest';
import { badRequestOf } from './parser-errors.js';

const error = (code: string, more: object = {}): Error => Object.assign(new Error('x'), { code, ...more });
const methodError = (packet: string, bytesParsed: number): Error =>
  error('HPE_INVALID_METHOD', { rawPacket: Buffer.from(packet, 'latin1'), bytesParsed });

describe('the response to an error of the parser', () => {
  it.each([
    ['HPE_INVALID_URL', 400],
    ['HPE_HEADER_OVERFLOW', 431],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
    ['HPE_PAUSED_H2_UPGRADE', 505],
    ['ERR_HTTP_REQUEST_TIMEOUT', 408],
    ['HPE_SOMETHING_NEW', 400],
    ['', 400],
  ])('%s has status %i', (code, status) => {
    expect(badRequestOf(error(code)).status).toBe(status);
  });

  it('is 505 for a version, 400 for a broken line end after it', () => {
    expect(badRequestOf(error('HPE_INVALID_VERSION', { reason: 'Invalid HTTP version' })).status).toBe(505);
    expect(badRequestOf(error('HPE_INVALID_VERSION', { reason: 'Expected CRLF' })).status).toBe(400);
  });

  it.each([
    ['alone', 'FOO / HTTP/1.1\r\n\r\n', 2, 405],
    ['behind another request', 'GET / HTTP/1.1\r\n\r\nFOO / HTTP/1.1\r\n\r\n', 20, 405],
    ['in part', 'FOO / HT', 2, 400],
    ['with bytes that no method has', 'F\u00e9O / HTTP/1.1\r\n', 1, 400],
  ])('for an unknown method %s tells 405 from 400', (_where, packet, at, status) => {
    expect(badRequestOf(methodError(packet, at)).status).toBe(status);
  });

  it.each(['\x16', '\x16\x03', '\x16\x03\x01\x02\x00\x01'])('names TLS: %j', (packet) => {
    expect(badRequestOf(methodError(packet, 0)).code).toBe('tls_on_plain_port');
  });

  it.each([error('HPE_INVALID_METHOD'), 'text', null, undefined])('is 400 without details: %j', (it) => {
    expect(badRequestOf(it)).toMatchObject({ status: 400, code: 'malformed_request' });
  });
});
