import { AccountScript } from '../script/account-script.js';
import type { ScriptedResponse } from '../script/scripted-response.js';
import { refuses } from '../script/responses.js';
import { backendRoute, type ModelList } from './backend-routes.js';
import { unauthorized } from '../script/refusals.js';
import { bearerOf, pathnameOf } from './request-head.js';
import type { LoggedRequest } from '../script/request-log.js';
import type { TokenLedger } from '../script/token-ledger.js';

/** The backend's response to a request: a scripted one for a known route and a valid access token, otherwise a refusal. */
export function backendResponse(
  request: LoggedRequest,
  account: AccountScript | undefined,
  ledger: TokenLedger,
  models: ModelList,
): ScriptedResponse {
  const route = backendRoute(request.method, pathnameOf(request.path));
  if (route === null) return refuses(404, { detail: 'Not Found' });
  const caller = callerOf(request, account, ledger);
  return caller instanceof AccountScript ? route(caller, request.path, models) : caller;
}

/** The account of a request, or the refusal of a request whose access token is not valid. */
export function callerOf(
  request: LoggedRequest,
  account: AccountScript | undefined,
  ledger: TokenLedger,
): AccountScript | ScriptedResponse {
  const isGood = ledger.judge(bearerOf(request.headers)).kind === 'good';
  if (!isGood || account === undefined) return unauthorized();
  const claimed = request.headers['chatgpt-account-id'];
  // Credentials of two accounts in one request are a fault in the proxy under test: fail loudly.
  if (claimed !== undefined && claimed !== account.accountId) {
    return refuses(403, { detail: 'chatgpt-account-id does not match the access token' });
  }
  return account;
}
