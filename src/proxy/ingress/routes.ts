import { isCanonicalPath } from '../../boundary/safe-path.js';

/** The destination of a request. `upstreamPath` is relative to the base address, without leading slash, and unchanged. */
export type Route =
  | { readonly kind: 'turn'; readonly upstreamPath: 'responses' }
  | { readonly kind: 'images'; readonly upstreamPath: string }
  | { readonly kind: 'session'; readonly upstreamPath: string }
  | { readonly kind: 'home'; readonly base: 'responses' | 'wham'; readonly upstreamPath: string }
  | { readonly kind: 'files'; readonly upstreamPath: string }
  | { readonly kind: 'models' }
  | { readonly kind: 'config-bundle'; readonly upstreamPath: string }
  | { readonly kind: 'pool-usage' }
  | { readonly kind: 'accounts-check' }
  | { readonly kind: 'placeholder-token' }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'websocket' }
  | { readonly kind: 'wrong-method'; readonly allow: string }
  | { readonly kind: 'operator' }
  | { readonly kind: 'unknown' };

const turnPaths = new Set([
  '/v1/responses',
  '/responses',
  '/backend-api/codex/responses',
  '/api/codex/responses',
]);
const operatorPaths = new Set(['/', '/dashboard', '/healthz', '/readyz', '/metrics', '/admin']);
const unknown: Route = { kind: 'unknown' };

/** The route table: a pure function of method, path (without query) and whether the request asks for an upgrade. */
export function routeOf(method: string, path: string, isUpgrade: boolean): Route {
  if (!isCanonicalPath(path)) return unknown;
  if (operatorPaths.has(path) || path.startsWith('/admin/')) return { kind: 'operator' };
  if (path === '/v1') return { kind: 'reachable' };
  // Upstream ignores a trailing slash. Without this, it would bypass the local routes.
  return proxiedRoute(method, path.replace(/\/$/, ''), isUpgrade);
}

function proxiedRoute(method: string, path: string, isUpgrade: boolean): Route {
  if (turnPaths.has(path)) return turnRoute(method, isUpgrade);
  if (path === '/oauth/token') {
    return method === 'POST' ? { kind: 'placeholder-token' } : { kind: 'wrong-method', allow: 'POST' };
  }
  const codex = below(path, '/v1/') ?? below(path, '/backend-api/codex/');
  if (codex !== null) return codexRoute(method, codex);
  const wham = whamPath(path);
  return wham === null ? unknown : whamRoute(method, wham);
}

function turnRoute(method: string, isUpgrade: boolean): Route {
  if (method === 'POST') return { kind: 'turn', upstreamPath: 'responses' };
  if (method === 'GET' && isUpgrade) return { kind: 'websocket' };
  return method === 'HEAD' ? { kind: 'reachable' } : { kind: 'wrong-method', allow: 'POST' };
}

function codexRoute(method: string, rest: string): Route {
  if (rest === 'models' && (method === 'GET' || method === 'HEAD')) return { kind: 'models' };
  if (isAtOrBelow(rest, 'analytics-events')) return { kind: 'home', base: 'responses', upstreamPath: rest };
  if (rest.startsWith('images/') && method === 'POST') return { kind: 'images', upstreamPath: rest };
  return { kind: 'session', upstreamPath: rest };
}

function whamRoute(method: string, rest: string): Route {
  if (rest === 'wham/usage' && method === 'GET') return { kind: 'pool-usage' };
  if (rest === 'wham/accounts/check' && method === 'GET') return { kind: 'accounts-check' };
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

function below(path: string, prefix: string): string | null {
  return path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : null;
}

function isAtOrBelow(path: string, segment: string): boolean {
  return path === segment || path.startsWith(`${segment}/`);
}
