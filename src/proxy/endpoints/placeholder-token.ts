import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { PLACEHOLDER_PREFIX } from '../../tokens/credential-file/other-login.js';
import { type LocalResponse, sendJson, sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';

const requestSchema = z.object({ refresh_token: z.string().startsWith(PLACEHOLDER_PREFIX).max(1_000) });

const notOurs: LocalResponse = {
  status: 403,
  code: 'not_a_placeholder_login',
  type: 'forbidden',
  message: 'codex-pool renews only its own placeholder logins. A real login is renewed by its issuer.',
};

/**
 * Renews a placeholder login by returning it unchanged: the client keeps every field that the response omits. Makes no
 * outbound call. Rejects all other logins, so that no real one is ever overwritten.
 */
export function renewPlaceholder(request: ProxyRequest, res: ServerResponse, record: RequestRecord): void {
  const parsed = requestSchema.safeParse(jsonBody(request));
  if (parsed.success) {
    sendJson(res, 200, { refresh_token: parsed.data.refresh_token });
    record.end('local', 200);
  } else {
    sendLocalResponse(res, notOurs);
    record.end(notOurs.code, notOurs.status);
  }
}

function jsonBody(request: ProxyRequest): unknown {
  if (request.body?.kind !== 'kept') return null;
  try {
    return JSON.parse(request.body.bytes.toString('utf8'));
  } catch {
    return null; // not JSON, so not a placeholder login
  }
}
