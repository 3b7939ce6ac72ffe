import { addDotEnv } from '../../config/dot-env.js';
import { type AppConfig, InvalidConfigError, loadConfig } from '../../config/app.config.js';
import { describeError } from '../../runtime/pool-error.js';
import { CommandError } from './command-error.js';
import { exitCodes } from './exit-codes.js';

/**
 * Reads the settings as a start in this folder would: the environment, then `.env`.
 * @throws CommandError that lists every invalid setting
 */
export function cliSettings(): AppConfig {
  const fromDotEnv = new Set<string>();
  const env = { ...process.env };
  try {
    const refused = addDotEnv('.env', env, fromDotEnv);
    if (refused.length > 0) throw new CommandError(refused.join('\n'), exitCodes.wrongUse);
    return loadConfig(env, fromDotEnv);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof InvalidConfigError) throw new CommandError(error.message, exitCodes.wrongUse);
    throw new CommandError(`.env cannot be read: ${describeError(error)}`, exitCodes.wrongUse);
  }
}

/** Returns the origin at which this machine reaches a proxy with these settings. */
export function originOf({ listen }: Pick<AppConfig, 'listen'>): string {
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const host = everywhere[listen.host] ?? listen.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`;
}
