import { isIPv6 } from 'node:net';

/**
 * Returns the network of a remote address: an IPv4 address itself, an IPv6 address its /64, since one client may use all
 * addresses of that. Anything else is returned as it is.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const known = [...first, ...last].flatMap(groupsOf).length;
  const all = [...first, ...Array<string>(8 - known).fill('0'), ...last.flatMap(groupsOf)];
  return `${all
    .slice(0, 4)
    .map((it) => it.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

/** An IPv4 address at the end stands for two groups. */
function groupsOf(part: string): string[] {
  return part.includes('.') ? [part, part] : [part];
}
