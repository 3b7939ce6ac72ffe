import { Agent as HttpAgent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Egress, egressProxyFor } from './egress-proxy.js';
import { openTunnel, type TunnelTarget } from './tunnel.js';

type Open = (to: TunnelTarget) => Promise<Socket>;
type Connected = (error: Error | null, socket: Duplex) => void;

/** Returns an agent for requests to an address: direct, or through the egress proxy. */
export function egressAgent(egress: Egress, target: URL, options: AgentOptions): HttpAgent {
  const proxy = egressProxyFor(egress, target);
  const isSecure = target.protocol === 'https:';
  if (proxy === null) return isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  const open: Open = async (to) => await openTunnel(proxy, to);
  return isSecure ? new SecureTunnelAgent(options, open) : new TunnelAgent(options, open);
}

/** Opens each connection through a tunnel of its own. */
class TunnelAgent extends HttpAgent {
  constructor(
    options: AgentOptions,
    private readonly open: Open,
  ) {
    super(options);
  }

  override createConnection(options: ClientRequestArgs, callback: Connected): undefined {
    void connect(this.open, options, callback, (tunnel) => tunnel);
  }
}

/** Opens each connection through a tunnel of its own, with TLS to the target inside it. */
class SecureTunnelAgent extends HttpsAgent {
  constructor(
    options: AgentOptions,
    private readonly open: Open,
  ) {
    super(options);
  }

  override createConnection(options: RequestOptions, callback: Connected): undefined {
    void connect(this.open, options, callback, (tunnel) => {
      const inside = { ...options, socket: tunnel };
      return super.createConnection(inside);
    });
  }
}

async function connect(
  open: Open,
  { host, port }: ClientRequestArgs,
  callback: Connected,
  wrap: (tunnel: Socket) => Duplex | null | undefined,
): Promise<void> {
  try {
    const tunnel = await open({ host: host ?? '', port: Number(port) });
    callback(null, wrap(tunnel) ?? tunnel);
  } catch (error) {
    const cause = error instanceof Error ? error : new Error('no tunnel', { cause: error });
    callback(cause, new Socket()); // the type requires a socket; the agent does not use it
  }
}
