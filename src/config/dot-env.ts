import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

/**
 * Variables that lead tokens elsewhere, or let another server pass for upstream: the addresses, the certificate
 * authorities, and the end of all certificate checks. docs/network.md says why other variables may be in the file.
 */
const onlyFromEnvironment =
  /^(?:UPSTREAM_.*|NODE_EXTRA_CA_CERTS|CODEX_CA_CERTIFICATE|SSL_CERT_FILE|NODE_TLS_REJECT_UNAUTHORIZED)$/i;

/**
 * Adds the settings of a `.env` file, if there is one, to an environment, which overrules them. Returns a sentence for
 * each variable that only the environment itself may set; the environment is then unchanged. `names` gets those that were added.
 * @throws Error when the file cannot be read
 */
export function addDotEnv(path: string, env: NodeJS.ProcessEnv, names = new Set<string>()): string[] {
  if (!existsSync(path)) return [];
  const added = Object.entries(parseEnv(readFileSync(path, 'utf8'))).filter(([it]) => env[it] === undefined);
  const refused = added.map(([name]) => name).filter((it) => onlyFromEnvironment.test(it));
  if (refused.length === 0) {
    Object.assign(env, Object.fromEntries(added));
    for (const [name] of added) names.add(name);
  }
  return refused.map(
    (it) =>
      `${it.slice(0, 80)} in ${resolve(path)} is refused: with it, whoever wrote that file could receive the tokens of your accounts. Remove the line. If you do want this, set ${it.slice(0, 80)} in the environment.`,
  );
}
