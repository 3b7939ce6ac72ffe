import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describeError } from '../runtime/pool-error.js';
import { EgressError } from './egress-error.js';
import type { EgressProxy } from './egress-proxy.js';
import { connectHttp } from './http-tunnel.js';
import { ClosedEarlyError } from './socket-reader.js';
import { connectSocks } from './socks-tunnel.js';

/** Less than the time that a connection to upstream may take, so that the error of a tunnel comes first. */
export const tunnelLimits = { openMs: 9_000 };

/** The address at the far end of a tunnel; the host is without brackets. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a TCP connection to the target through an egress proxy, within a time limit. Nothing has been sent to the
 * target yet.
 * @throws EgressError if the proxy fails, a system error if the target's name cannot be resolved here (`socks5`)
 */
export async function openTunnel(proxy: EgressProxy, to: TunnelTarget): Promise<Socket> {
  const { openMs } = tunnelLimits;
  const socket = connectTo(proxy);
  // The user of the tunnel adds a listener later; until then, no error may be unhandled.
  socket.on('error', () => undefined);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const what = `does not open a tunnel within ${openMs / 1_000} s`;
    late.reject(new EgressError(proxy, 'EGRESS_TIMEOUT', what));
  }, openMs);
  try {
    await Promise.race([late.promise, negotiate(socket, proxy, to)]);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function negotiate(socket: Socket, proxy: EgressProxy, to: TunnelTarget): Promise<void> {
  try {
    await connected(socket, proxy);
  } catch (error) {
    throw whyNotConnected(error, proxy);
  }
  try {
    const isSocks = proxy.scheme === 'socks5' || proxy.scheme === 'socks5h';
    await (isSocks ? connectSocks(socket, proxy, to) : connectHttp(socket, proxy, to));
  } catch (error) {
    throw whyNoTunnel(error, proxy);
  }
}

function connectTo(proxy: EgressProxy): Socket {
  const { host, port } = proxy;
  const options = { host, port, noDelay: true, keepAlive: true };
  if (proxy.scheme !== 'https') return connectTcp(options);
  // A host name is sent for certificates by name; an address must not be.
  return connectTls({ ...options, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

async function connected(socket: Socket, proxy: EgressProxy): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const closed = () => reject(new ClosedEarlyError('closed'));
  const event = proxy.scheme === 'https' ? 'secureConnect' : 'connect';
  socket.once(event, resolve).once('close', closed).once('error', reject);
  try {
    await promise;
  } finally {
    socket.off(event, resolve).off('close', closed).off('error', reject);
  }
}

function whyNotConnected(error: unknown, proxy: EgressProxy): EgressError {
  const isTls = proxy.scheme === 'https' && !isConnectError(error);
  return isTls
    ? new EgressError(proxy, 'EGRESS_TLS', `does not complete TLS: ${describeError(error)}`)
    : new EgressError(proxy, 'EGRESS_UNREACHABLE', `cannot be reached: ${describeError(error)}`);
}

function whyNoTunnel(error: unknown, proxy: EgressProxy): unknown {
  // An error of the resolver about the target's name says nothing about the proxy.
  if (error instanceof EgressError || syscallOf(error) === 'getaddrinfo') return error;
  const what =
    error instanceof ClosedEarlyError
      ? 'hangs up before the tunnel is open'
      : `fails: ${describeError(error)}`;
  return new EgressError(proxy, 'EGRESS_PROTOCOL', what);
}

/** Whether the connection failed below TLS. Several addresses make an aggregate of errors. */
function isConnectError(error: unknown): boolean {
  const syscall = syscallOf(error);
  return error instanceof AggregateError || syscall === 'connect' || syscall === 'getaddrinfo';
}

function syscallOf(error: unknown): unknown {
  return error instanceof Error && 'syscall' in error ? error.syscall : null;
}
