import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from '../../runtime/secret.js';
import type { LocalResponse } from '../response/local-response.js';

export const wrongToken: LocalResponse = {
  status: 403,
  code: 'wrong_client_token',
  type: 'forbidden',
  message: 'This proxy requires its client token (PROXY_CLIENT_TOKEN) as a bearer token.',
};

/** Whether a client may use the proxied routes: it sends the token, or none is required. */
export function mayUse(headers: IncomingHttpHeaders, clientToken: Secret | null): boolean {
  if (clientToken === null) return true;
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return given !== undefined && clientToken.equals(given);
}
