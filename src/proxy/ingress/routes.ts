import { accountInPath } from '../../boundary/account-path.js';
import { isCanonicalPath } from '../../boundary/safe-path.js';
import { allowedMethods } from './allowed-methods.js';
import { isOnlyInPublicApi } from './public-api.js';

/** The destination of a request. `upstreamPath` is relative to the base address, without leading slash, and unchanged. */
export type Route =
  | { readonly kind: 'turn'; readonly upstreamPath: 'responses' | 'responses/compact' }
  | { readonly kind: 'images'; readonly upstreamPath: string }
  | { readonly kind: 'session'; readonly upstreamPath: string }
  | { readonly kind: 'home'; readonly base: 'responses' | 'wham'; readonly upstreamPath: string }
  | { readonly kind: 'files'; readonly upstreamPath: string }
  /** `id` null: the whole list. */
  | { readonly kind: 'models'; readonly id: string | null }
  | { readonly kind: 'config-bundle'; readonly upstreamPath: string }
  | { readonly kind: 'pool-usage' }
  | { readonly kind: 'accounts-check' }
  | { readonly kind: 'placeholder-token' }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'websocket' }
  | { readonly kind: 'wrong-method'; readonly allow: string }
  | { readonly kind: 'operator' }
  /** A route of OpenAI's public API that the backend does not have. */
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'unknown' };

const turnPaths = [
  '/v1/responses',
  '/responses',
  '/backend-api/codex/responses',
  '/api/codex/responses',
] as const;
const methods = new Set(allowedMethods.split(', '));
const operatorPaths = new Set(['/', '/dashboard', '/healthz', '/readyz', '/metrics', '/admin']);
const unknown: Route = { kind: 'unknown' };
/** Routes about the pool, which no account may answer for it. */
const localWhamRoutes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['wham/usage', { kind: 'pool-usage' }],
  ['wham/accounts/check', { kind: 'accounts-check' }],
]);

/**
 * The route table: a pure function of method, path (without query) and whether the request asks for an upgrade. Other
 * methods than `allowedMethods` are refused on every path: TRACE, for one, would send a token back to the client.
 */
export function routeOf(method: string, path: string, isUpgrade: boolean): Route {
  if (!isCanonicalPath(path) && accountInPath(path) !== 'name') return unknown;
  const route = routeOfPath(method, path, isUpgrade);
  if (methods.has(method) || route.kind === 'wrong-method') return route;
  return { kind: 'wrong-method', allow: allowedMethods };
}

function routeOfPath(method: string, path: string, isUpgrade: boolean): Route {
  if (operatorPaths.has(path) || path.startsWith('/admin/') || path.startsWith('/assets/'))
    return { kind: 'operator' };
  if (path === '/v1') return { kind: 'reachable' };
  // Upstream ignores a trailing slash. Without this, it would bypass the local routes.
  return proxiedRoute(method, path.replace(/\/$/, ''), isUpgrade);
}

function proxiedRoute(method: string, path: string, isUpgrade: boolean): Route {
  const turnPath = turnPaths.find((it) => isAtOrBelow(path, it));
  if (turnPath !== undefined) return responsesRoute(method, path.slice(turnPath.length), isUpgrade);
  if (path === '/oauth/token') {
    return method === 'POST' ? { kind: 'placeholder-token' } : { kind: 'wrong-method', allow: 'POST' };
  }
  const codex = below(path, '/v1/') ?? below(path, '/backend-api/codex/');
  if (codex !== null) return codexRoute(method, codex);
  const wham = whamPath(path);
  return wham === null ? unknown : whamRoute(method, wham);
}

/** `rest`: the path below a turn path. The backend keeps no responses, so none can be read, deleted or cancelled. */
function responsesRoute(method: string, rest: string, isUpgrade: boolean): Route {
  const isCompact = rest === '/compact';
  if (rest !== '' && !isCompact) return { kind: 'unsupported' };
  if (method === 'POST') return { kind: 'turn', upstreamPath: isCompact ? 'responses/compact' : 'responses' };
  if (method === 'GET' && isUpgrade && !isCompact) return { kind: 'websocket' };
  return method === 'HEAD' ? { kind: 'reachable' } : { kind: 'wrong-method', allow: 'POST' };
}

function codexRoute(method: string, rest: string): Route {
  const wham = appendedWhamPath(rest);
  if (wham !== null) return whamRoute(method, wham);
  if (isAtOrBelow(rest, 'models')) {
    if (!isRead(method)) return { kind: 'wrong-method', allow: 'GET, HEAD' };
    return { kind: 'models', id: below(rest, 'models/') };
  }
  if (isOnlyInPublicApi(rest)) return { kind: 'unsupported' };
  if (isAtOrBelow(rest, 'analytics-events')) return { kind: 'home', base: 'responses', upstreamPath: rest };
  if (rest.startsWith('images/') && method === 'POST') return { kind: 'images', upstreamPath: rest };
  return { kind: 'session', upstreamPath: rest };
}

function whamRoute(method: string, rest: string): Route {
  const local = localWhamRoutes.get(rest);
  if (local !== undefined) return isRead(method) ? local : { kind: 'wrong-method', allow: 'GET, HEAD' };
  if (rest === 'wham/config/bundle' && method === 'GET') return { kind: 'config-bundle', upstreamPath: rest };
  // If forwarded, it would spend a reset credit of an arbitrary account.
  if (rest === 'wham/rate-limit-reset-credits/consume') return unknown;
  if (isAtOrBelow(rest, 'files')) return { kind: 'files', upstreamPath: rest };
  return { kind: 'home', base: 'wham', upstreamPath: rest };
}

/** The path has two forms, depending on the client's base address (docs/protocol.md, routes to the backend address). */
function whamPath(path: string): string | null {
  const api = below(path, '/api/codex/');
  if (api !== null) return api.startsWith('ps/') ? api : `wham/${api}`;
  if (below(path, '/ps/') !== null || below(path, '/codex/analytics-events/') !== null) return path.slice(1);
  return below(path, '/backend-api/');
}

/** Some clients append paths of the backend address to the base URL. Null if `rest`, a path below it, is not one. */
function appendedWhamPath(rest: string): string | null {
  if (rest === 'usage') return 'wham/usage';
  if (rest.startsWith('wham/')) return rest;
  return rest.startsWith('api/codex/') ? whamPath(`/${rest}`) : null;
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function below(path: string, prefix: string): string | null {
  return path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : null;
}

function isAtOrBelow(path: string, segment: string): boolean {
  return path === segment || path.startsWith(`${segment}/`);
}
