import type { TestPool } from '../pool/pool.js';
import type { CommandEnd, CommandHome } from './command-home.js';

/** Runs a command against a pool; `env` adds to the settings of the pool's address. */
export async function runFor(
  home: CommandHome,
  pool: Pick<TestPool, 'port'>,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandEnd> {
  return await home.run(args, { PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`, ...env });
}

/** An address at which nothing listens. */
export const NOWHERE = { PROXY_LISTEN_ADDR: '127.0.0.1:1' };
