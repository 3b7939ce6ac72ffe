import { STATUS_CODES } from 'node:http';

/** The media type of an error response to an operator. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Returns the body of an error response to an operator (RFC 9457). `code` is stable, for programs. */
export function problemDetails(
  status: number,
  code: string,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code, ...more };
}
