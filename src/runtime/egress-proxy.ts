import { getProxyForUrl } from 'proxy-from-env';
import { isLoopbackName } from './loopback.js';

/**
 * Returns the proxy that the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) sets for this address, or null for
 * a direct connection. Loopback is always direct.
 */
export function egressProxyFor(target: URL): string | null {
  if (isLoopbackName(target.hostname)) return null;
  const proxy = getProxyForUrl(target.href);
  return proxy === '' ? null : proxy;
}
