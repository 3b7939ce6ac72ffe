import type { AccountScript } from '../script/account-script.js';
import type { ScriptedResponse } from '../script/scripted-response.js';
import { refuses } from '../script/responses.js';

/** The model list of `GET …/codex/models`. */
export interface ModelList {
  body: object;
  etag: string;
}

/** A route of the backend: its response to an account whose access token is valid. */
type Route = (account: AccountScript, path: string, models: ModelList) => ScriptedResponse;

/** The path of turns. */
export const TURN_PATH = '/backend-api/codex/responses';

const sideSocketPaths = ['/backend-api/wham/remote/control/server', '/backend-api/codex/realtime'];

/** Whether the backend accepts WebSockets on this path, which is not that of turns. */
export const isSideSocketPath = (pathname: string): boolean =>
  sideSocketPaths.some((it) => pathname === it || pathname.startsWith(`${it}/`));

/** Whether a path is that of image requests. */
export const isImagePath = (pathname: string): boolean => pathname.startsWith('/backend-api/codex/images/');

/** The path of compactions, which are turns with a JSON response. */
const COMPACT_PATH = `${TURN_PATH}/compact`;

const echo: Route = (account, path) => refuses(200, { account: account.name, path });

const exactRoutes: Readonly<Record<string, Route>> = {
  [`POST ${TURN_PATH}`]: (account) => account.nextTurnResponse(),
  [`POST ${COMPACT_PATH}`]: (account) => account.nextCompaction(),
  'POST /backend-api/codex/images/generations': (account) => account.nextImageResponse(),
  'POST /backend-api/codex/images/edits': (account) => account.nextImageResponse(),
  'GET /backend-api/codex/models': (_account, path, models) =>
    /[?&]client_version=[^&]/.test(path)
      ? refuses(200, models.body, { etag: models.etag })
      : refuses(400, { detail: [{ loc: ['query', 'client_version'], msg: 'Field required' }] }),
  'GET /backend-api/wham/usage': (account) => account.usageResponse(),
  'GET /backend-api/wham/accounts/check': (account) =>
    account.checkResponse ?? refuses(200, accountsCheck(account)),
  'GET /backend-api/wham/config/bundle': (account) => account.bundle,
  'GET /backend-api/wham/settings/user': echo,
  'GET /backend-api/wham/rate-limit-reset-credits': echo,
  'POST /backend-api/codex/analytics-events/events': echo,
  'POST /backend-api/files': (account, path) =>
    refuses(200, { account: account.name, path, file_id: `file_${account.name}`, status: 'success' }),
};

const echoedBelow = ['/backend-api/ps/', '/backend-api/files/'];

/** The route of a request; null if the backend has none. */
export function backendRoute(method: string, pathname: string): Route | null {
  const exact = exactRoutes[`${method} ${pathname}`];
  if (exact !== undefined) return exact;
  const isKnown = Object.keys(exactRoutes).some((it) => it.endsWith(` ${pathname}`));
  if (isKnown) return () => refuses(405, { detail: 'Method Not Allowed' });
  return echoedBelow.some((it) => pathname.startsWith(it)) ? echo : null;
}

/** The backend's account check: it names the account itself, and no other origin to route to. */
function accountsCheck(account: AccountScript): object {
  const entry = {
    id: account.accountId,
    plan_type: account.plan,
    name: null,
    profile_picture_url: null,
    structure: 'personal',
    account_user_role: 'account-owner',
    can_access_with_session: true,
    is_deactivated: false,
    workspace_backend_origin: 'NO_CONSTRAINT',
    account_routing_override: 'NO_CONSTRAINT',
  };
  return { accounts: [entry], account_ordering: [account.accountId], default_account_id: account.accountId };
}
