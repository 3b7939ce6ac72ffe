import type { LocalResponse } from '../response/local-response.js';

/** The response to a request whose body stands still, or takes too long. */
export const bodyTimeout = {
  status: 408,
  code: 'request_timeout',
  type: 'invalid_request',
  message: 'The body of the request did not arrive in time.',
  headers: { connection: 'close' },
} as const satisfies LocalResponse;
