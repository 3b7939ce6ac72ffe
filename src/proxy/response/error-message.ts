import type { LocalResponse } from './local-response.js';

/** A local response in the form of an upstream error message. */
export function errorMessage({ status, type, code, message, fields, headers }: LocalResponse): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: 'error',
      status,
      error: { type, code, message, ...fields },
      headers: { ...headers, 'x-codex-pool-error': code },
    }),
  );
}
