import { isIPv4, isIPv6 } from 'node:net';

/** Returns whether a host name or address always means this machine. Accepts brackets around IPv6. */
export function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIPv4(bare)) return bare.startsWith('127.');
  if (isIPv6(bare)) return bare === '::1' || bare === '0:0:0:0:0:0:0:1';
  return bare === 'localhost' || bare.endsWith('.localhost');
}

/** Returns whether the peer of a connection is on this machine. Accepts IPv4 addresses mapped to IPv6. */
export function isLoopbackPeer(address: string | undefined): boolean {
  return address !== undefined && isLoopbackName(address.replace(/^::ffff:/i, ''));
}
