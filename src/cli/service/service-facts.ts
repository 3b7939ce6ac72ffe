import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { CommandError } from '../command/command-error.js';

/** Time between the end that the program sets to its own stop, and a kill by the service manager. */
const AFTER_STOP_SECONDS = 5;

/** The name of the service, for every service manager. */
export const SERVICE = 'codex-pool';
/** Stands in each file that `service install` writes; a file without it belongs to another program. */
export const MARKER = 'Written by `codex-pool service install`; `codex-pool service remove` removes it.';

/** All that a service file is made of. Paths are absolute. */
export interface ServiceFacts {
  readonly node: string;
  /** The script of the command line. */
  readonly script: string;
  /** The folder with `.env`, the pool and the database. */
  readonly folder: string;
  readonly stopSeconds: number;
  /** Where launchd writes the output. */
  readonly logFile: string;
}

/** Folders of version managers, whose Node disappears with an update. */
const versionManagers = /[/\\](?:\.nvm|\.?fnm(?:_multishells)?|\.volta|\.asdf|\.nodenv|mise)[/\\]/;

/** Returns the facts of a service that runs the program as this command does. @throws CommandError for a path that will vanish */
export function serviceFacts({ drainSeconds }: Pick<AppConfig, 'drainSeconds'>, home: string): ServiceFacts {
  const node = realpathSync(process.execPath);
  const script = realpathSync(fileURLToPath(new URL('../cli.js', import.meta.url)));
  for (const path of [node, script]) refuseVanishing(path);
  return {
    node,
    script,
    folder: process.cwd(),
    stopSeconds: stopSecondsFor(drainSeconds),
    logFile: join(home, 'Library', 'Logs', `${SERVICE}.log`),
  };
}

/** Returns how long the service manager waits for a stop. A kill during a refresh could lose its tokens. */
export function stopSecondsFor(drainSeconds: number): number {
  return drainSeconds + limits.stopMs / 1_000 + AFTER_STOP_SECONDS;
}

/** @throws CommandError for a path in npx's cache, which npm empties without a word */
export function refuseVanishing(path: string): void {
  if (!/[/\\]_npx[/\\]/.test(path)) return;
  throw new CommandError(
    `A service cannot run from the cache of npx (${path}), because npm empties it. Install the program first: npm install -g codex-pool`,
  );
}

/** Returns sentences about what the service will not have, or may lose. @param env the environment of this command */
export function serviceNotes(
  { node }: ServiceFacts,
  env: NodeJS.ProcessEnv,
  fromDotEnv: ReadonlySet<string>,
): string[] {
  const own = Object.keys(env)
    .filter((it) => /^(?:PROXY_|UPSTREAM_|POOL_DIR$)/.test(it) && !fromDotEnv.has(it))
    .toSorted();
  const notes: string[] = [];
  if (own.length > 0) {
    notes.push(
      `The service does not have this shell's ${own.join(', ')}. Write settings into .env in this folder; the UPSTREAM_ addresses only count in the environment of the service itself.`,
    );
  }
  if (versionManagers.test(node)) {
    notes.push(
      `The service runs ${node}, which its version manager removes with that version. Then run \`codex-pool service install\` again.`,
    );
  }
  return notes;
}
