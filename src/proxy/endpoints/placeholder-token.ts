import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { PLACEHOLDER_PREFIX } from '../../clients/placeholder-login.js';
import { type LocalResponse, sendJson, sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';

const requestSchema = z.object({ refresh_token: z.string().startsWith(PLACEHOLDER_PREFIX).max(1_000) });

const notOurs: LocalResponse = {
  status: 403,
  code: 'not_a_placeholder_login',
  type: 'forbidden',
  message:
    'Only placeholder logins of codex-pool are renewed here; a real login is renewed by its own issuer.',
};

/**
 * Renews a placeholder login: it goes on as it is (what an answer leaves out, the client keeps). Contacts
 * nobody, and refuses every other login, so that no real one is ever overwritten.
 */
export function renewPlaceholder(request: ProxyRequest, res: ServerResponse, decision: RequestRecord): void {
  const parsed = requestSchema.safeParse(jsonBody(request));
  if (parsed.success) {
    sendJson(res, 200, { refresh_token: parsed.data.refresh_token });
    decision.end('local', 200);
  } else {
    sendLocalResponse(res, notOurs);
    decision.end(notOurs.code, notOurs.status);
  }
}

function jsonBody(request: ProxyRequest): unknown {
  if (request.body?.kind !== 'kept') return null;
  try {
    return JSON.parse(request.body.bytes.toString('utf8'));
  } catch {
    return null; // then it is no placeholder login either
  }
}
