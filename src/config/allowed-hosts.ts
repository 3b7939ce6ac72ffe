import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

/** Names in the form in which a `Host` header is compared, and a sentence for each invalid entry. */
export interface AllowedHosts {
  readonly names: readonly string[];
  readonly faults: readonly string[];
}

/** Reads names separated by commas. IPv6 addresses may have brackets. */
export function readAllowedHosts(text: string): AllowedHosts {
  const names = new Set<string>();
  const faults: string[] = [];
  for (const entry of text.split(',').map((it) => it.trim())) {
    if (entry === '') continue;
    const name = hostIn(entry);
    if (name === null) faults.push(`${quoted(entry)} is no host name: ${whatHelps(entry)}`);
    else names.add(name);
  }
  return { names: [...names], faults };
}

/** Returns the name in lower case, an IPv6 address in its shortest form and without brackets; null if it is invalid. */
function hostIn(entry: string): string | null {
  const bare = /^\[(.*)\]$/.exec(entry)?.[1] ?? entry;
  if (isIPv6(bare)) return shortest(bare);
  const isName = entry.length <= 253 && entry.split('.').every((it) => /^[a-z0-9_-]{1,63}$/i.test(it));
  if (!isName || (/^[\d.]+$/.test(entry) && !isIPv4(entry))) return null;
  return entry.toLowerCase();
}

/** Browsers send addresses in this form. A zone (`%eth0`) cannot be in a `Host` header. */
function shortest(address: string): string | null {
  const url = `http://[${address}]`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : null;
}

function whatHelps(entry: string): string {
  if (entry.includes('*')) return 'wildcards are not supported; list each name';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(entry)) return 'write the name only, without a scheme';
  if (/\s/.test(entry)) return 'separate names by commas';
  if (/[/\\?#@]/.test(entry)) return 'write the name only, without a path or user';
  if (/^[^:]+:\d*$|^\[.*\]:\d*$/.test(entry)) return 'write the name without a port; every port is accepted';
  const ascii = domainToASCII(entry);
  if (ascii !== '' && ascii !== entry.toLowerCase()) return `write it as browsers send it, ${ascii}`;
  return 'expected a name such as proxy.lan, or an IP address';
}

/** Never shows a user and password. */
function quoted(entry: string): string {
  return entry.includes('@') ? 'an entry' : JSON.stringify(entry.slice(0, 80));
}
