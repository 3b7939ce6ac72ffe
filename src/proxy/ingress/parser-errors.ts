import type { IncomingMessage } from 'node:http';
import { errorCode } from '../../runtime/pool-error.js';
import { allowedMethods } from './allowed-methods.js';

/** The response to bytes that are not a request. */
export interface BadRequest {
  readonly status: number;
  readonly code: string;
  /** A sentence for a person. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const tlsOnPlainPort: BadRequest = {
  status: 400,
  code: 'tls_on_plain_port',
  message: 'This port speaks plain HTTP: the address begins with http://, not https://.',
};
const unknownMethod: BadRequest = {
  status: 405,
  code: 'method_not_allowed',
  message: `Use one of ${allowedMethods}.`,
  headers: { allow: allowedMethods },
};
const otherVersion: BadRequest = {
  status: 505,
  code: 'http_version_not_supported',
  message: 'codex-pool speaks HTTP/1.1 and HTTP/1.0 here.',
};
const otherCoding: BadRequest = {
  status: 501,
  code: 'transfer_coding_not_supported',
  message: 'The only transfer coding that codex-pool decodes is chunked.',
};
const byCode: Readonly<Record<string, BadRequest>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers_too_large',
    message: 'The head of the request is larger than 64 KiB.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: 'chunk_extensions_too_large',
    message: 'The chunk extensions of the request are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request_timeout',
    message: 'The head of the request did not arrive in time.',
  },
  HPE_INVALID_EOF_STATE: {
    status: 400,
    code: 'incomplete_request',
    message: 'The request ended before it was complete.',
  },
  HPE_PAUSED_H2_UPGRADE: otherVersion,
};

/** First bytes of a TLS handshake record (RFC 8446 5.1). */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;
const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP\/1\.[01]\r?$/;

/** The response to an error of Node's HTTP parser. */
export function badRequestOf(error: unknown): BadRequest {
  const code = errorCode(error) ?? '';
  const reason = textOf(error, 'reason');
  if (code === 'HPE_INVALID_METHOD') return badMethod(error);
  // The parser gives a missing line feed after the version the same code.
  if (code === 'HPE_INVALID_VERSION' && reason === 'Invalid HTTP version') return otherVersion;
  return byCode[code] ?? malformed(reason);
}

/** Why a request that the parser has accepted cannot be served; null if it can. */
export function whyUnusable({ httpVersion, headers }: IncomingMessage): BadRequest | null {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return otherVersion; // such as 0.9 and 2.0
  const coding = headers['transfer-encoding'] ?? 'chunked';
  return coding.trim().toLowerCase() === 'chunked' ? null : otherCoding;
}

function badMethod(error: unknown): BadRequest {
  const packet = valueOf(error, 'rawPacket');
  const at = valueOf(error, 'bytesParsed');
  if (!Buffer.isBuffer(packet) || typeof at !== 'number') return malformed('');
  const from = at === 0 ? 0 : packet.lastIndexOf('\n', at - 1) + 1;
  if (from === 0 && packet[0] === TLS_HANDSHAKE && (packet[1] ?? TLS_MAJOR) === TLS_MAJOR)
    return tlsOnPlainPort;
  const end = packet.indexOf('\n', at);
  const line = packet.toString('latin1', from, end === -1 ? packet.length : end);
  return requestLine.test(line) ? unknownMethod : malformed('');
}

/** `reason`: the parser's own words, which never contain the client's bytes. */
function malformed(reason: string): BadRequest {
  const why = reason === '' ? '' : `: ${reason}`;
  return {
    status: 400,
    code: 'malformed_request',
    message: `The request is not valid HTTP/1.1 (RFC 9112)${why}.`,
  };
}

function textOf(error: unknown, name: string): string {
  const value = valueOf(error, name);
  return typeof value === 'string' ? value : '';
}

function valueOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}
