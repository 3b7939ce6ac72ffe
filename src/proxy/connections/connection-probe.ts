import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { limits } from '../../config/limits.js';
import { egressAgent } from '../../egress/egress-agent.js';
import type { Egress } from '../../egress/egress-proxy.js';

/** Calls back when the connection of a request is established, TLS included; at once if it already is. */
export function whenConnected({ socket }: ClientRequest, connected: () => void): void {
  if (socket === null) return;
  if ('secureConnecting' in socket && socket.secureConnecting === true)
    socket.once('secureConnect', connected);
  else if (socket.connecting) socket.once('connect', connected);
  else connected();
}

/** Returns whether a new connection to this address can be opened within 5 s. Sends no request. */
export async function canConnect(to: URL, egress: Egress): Promise<boolean> {
  // Without keep-alive: a tunnel that opens after the end of the probe is closed.
  const agent = egressAgent(egress, to, {});
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limits.probeMs);
  // Never ended, so nothing is written.
  const probe = (to.protocol === 'https:' ? httpsRequest : httpRequest)(to, { agent });
  probe
    .once('socket', () => whenConnected(probe, () => resolve(true)))
    .on('error', () => resolve(false))
    .once('close', () => resolve(false));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    probe.destroy();
    agent.destroy();
  }
}
