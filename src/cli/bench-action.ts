import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandError } from './command/command-error.js';

/** Runs the bench of a clone; returns its exit code. @throws CommandError in an installed package */
export function runBench(args: readonly string[]): number {
  const bench = fileURLToPath(new URL('../../bench/bench.mjs', import.meta.url));
  if (!existsSync(bench))
    throw new CommandError(
      'The bench is not part of the package. Clone the project, and run `npm install && npm run bench`.',
    );
  return spawnSync(process.execPath, [bench, ...args], { stdio: 'inherit' }).status ?? 1;
}
