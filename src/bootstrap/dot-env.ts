import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** Addresses to which tokens go. A folder in which the program happens to start must not redirect them. */
const onlyFromEnvironment = /^UPSTREAM_/i;

/**
 * Adds the settings of a `.env` file, if there is one, to an environment, which overrules them. Returns the names that
 * count only in the environment itself, and were left out.
 * @throws Error when the file cannot be read
 */
export function addDotEnv(path: string, env: NodeJS.ProcessEnv): string[] {
  if (!existsSync(path)) return [];
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(parseEnv(readFileSync(path, 'utf8')))) {
    if (onlyFromEnvironment.test(name)) ignored.push(name);
    else env[name] ??= value;
  }
  return ignored.filter((it) => env[it] === undefined);
}
