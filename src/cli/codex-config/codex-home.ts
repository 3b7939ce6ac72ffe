import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';

/** Where Codex keeps its settings and its login. */
export interface CodexHome {
  readonly folder: string;
  readonly configFile: string;
  readonly loginFile: string;
}

/**
 * Returns the folder that Codex uses: `CODEX_HOME`, else `~/.codex`.
 * @throws CommandError without a home
 */
export function codexHome(env: NodeJS.ProcessEnv): CodexHome {
  const set = env['CODEX_HOME'] ?? '';
  const folder = set === '' ? join(userHome(env, 'CODEX_HOME'), '.codex') : resolve(set);
  return { folder, configFile: join(folder, 'config.toml'), loginFile: join(folder, 'auth.json') };
}

/**
 * Returns the folder of our own records of setups: below `XDG_STATE_HOME`, else `~/.local/state`. It is never in
 * Codex's home, which may be deleted or copied.
 * @throws CommandError without a home
 */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  const set = env['XDG_STATE_HOME'] ?? '';
  const base = isAbsolute(set) ? set : join(userHome(env, 'XDG_STATE_HOME'), '.local', 'state');
  return join(base, 'codex-pool', 'setup');
}

/** The home as the environment names it: without it, the account database could name the home of another user. */
function userHome(env: NodeJS.ProcessEnv, other: string): string {
  const home = process.platform === 'win32' ? homedir() : (env['HOME'] ?? '');
  if (home !== '' && isAbsolute(home)) return home;
  throw new CommandError(
    `HOME is ${home === '' ? 'not set' : 'not an absolute path'}: set it, or ${other}. Nothing was changed.`,
    exitCodes.wrongUse,
  );
}
