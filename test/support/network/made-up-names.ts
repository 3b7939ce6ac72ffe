import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

/** An address that is reserved for documentation (RFC 5737). */
export const MADE_UP_ADDRESS = '192.0.2.7';

async function madeUp(host: string) {
  if (!host.endsWith('.upstream.test')) throw new Error(`no made-up name: ${host}`);
  return [
    { address: '2001:db8::7', family: 6 },
    { address: MADE_UP_ADDRESS, family: 4 },
  ];
}

/** Resolves the names below `upstream.test` to a made-up address until disposed of; all other names fail. */
export function resolveMadeUpNames(): Disposable {
  const { lookup } = dns;
  Object.assign(dns, { lookup: madeUp });
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      Object.assign(dns, { lookup });
      syncBuiltinESMExports();
    },
  };
}
