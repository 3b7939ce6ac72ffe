import { isIPv4, isIPv6 } from 'node:net';

/** Whether a host name or address always means this machine. IPv6 addresses may be in brackets. */
export function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIPv4(bare)) return bare.startsWith('127.');
  if (isIPv6(bare)) return bare === '::1' || bare === '0:0:0:0:0:0:0:1';
  return bare === 'localhost' || bare.endsWith('.localhost');
}
