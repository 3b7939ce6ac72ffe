import { cliSettings, originOf } from '../command/cli-settings.js';
import { ProxyClient } from '../command/proxy-client.js';

/**
 * Returns a client of the proxy that the settings name.
 * @param silenceMs patience with a silent proxy, in ms
 * @param signal ends its requests
 */
export function connect(silenceMs?: number, signal?: AbortSignal): ProxyClient {
  const settings = cliSettings();
  return new ProxyClient(originOf(settings), settings.adminToken, silenceMs, signal);
}
