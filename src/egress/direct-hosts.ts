import { BlockList, isIP } from 'node:net';

/** The entries of `NO_PROXY`: names with their subdomains, addresses, subnets; each for one port or for all. */
export type DirectHosts = readonly DirectHost[];

type DirectHost =
  | { readonly kind: 'every' }
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null }
  | { readonly kind: 'subnet'; readonly subnet: BlockList; readonly port: number | null };

/**
 * Reads `NO_PROXY`: entries separated by commas or spaces. Means what it means for curl and Codex: `example.com`,
 * `.example.com` and `*.example.com` include the name and its subdomains; `10.0.0.0/8` is a subnet; `*` is every host.
 * A port after a colon limits an entry to it. An unreadable entry matches nothing.
 */
export function directHosts(text: string): DirectHosts {
  return text
    .split(/[\s,]+/)
    .filter((it) => it !== '')
    .flatMap((it) => directHost(it.toLowerCase()) ?? []);
}

/** Returns whether a host (without brackets) is reached directly at this port. */
export function isDirect(hosts: DirectHosts, host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return hosts.some((it) => {
    switch (it.kind) {
      case 'every':
        return true;
      case 'name':
        return fits(it.port, port) && (name === it.name || name.endsWith(`.${it.name}`));
      case 'subnet': {
        const family = isIP(name);
        return fits(it.port, port) && family !== 0 && it.subnet.check(name, family === 6 ? 'ipv6' : 'ipv4');
      }
      default:
        return it satisfies never;
    }
  });
}

function directHost(entry: string): DirectHost | null {
  if (entry === '*') return { kind: 'every' };
  const whole = isIP(entry) === 0 ? /^(.+?)(?::(\d+))?$/.exec(entry) : null;
  const port = whole?.[2] === undefined ? null : Number(whole[2]);
  const host = (whole?.[1] ?? entry).replace(/^\[(.*)\]/, '$1');
  const [address = '', prefix] = host.split('/');
  const family = isIP(address);
  if (family === 0) {
    const name = host.replace(/^\*?\.?/, '').replace(/\.$/, '');
    return name === '' ? null : { kind: 'name', name, port };
  }
  const longest = family === 6 ? 128 : 32;
  const length = prefix === undefined ? longest : Number(prefix);
  if (!Number.isInteger(length) || length < 0 || length > longest || prefix === '') return null;
  const subnet = new BlockList();
  subnet.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4');
  return { kind: 'subnet', subnet, port };
}

function fits(wanted: number | null, port: number): boolean {
  return wanted === null || wanted === port;
}
