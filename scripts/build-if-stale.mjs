// Runs before every script that uses `dist`: builds if a source has changed since the last build.
// An up-to-date build needs no compiler, so devDependencies may be missing then.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, isStale, STAMP } from './build-inputs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** What builds the program, then the description of its API and its page. The first empties `dist`. */
const compilers = [
  [join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'],
  [join(root, 'scripts', 'build-openapi.mjs')],
  [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'],
];

/** Returns the exit code of the compiler that failed; 0 if none did, or if the build is up to date. */
function build() {
  if (!process.argv.includes('--always') && !isStale(root)) return 0;
  if (compilers.some(([file = '']) => !existsSync(file))) {
    process.stderr.write(
      'The build is missing or out of date, and the compiler is not installed. Run `npm install --include=dev`.\n',
    );
    return 1;
  }
  process.stderr.write('Building codex-pool (on the first start, and when a source has changed).\n');
  // Taken before the build, so that a source that changes during it counts as changed.
  const inputs = fingerprint(root);
  rmSync(join(root, STAMP), { force: true });
  for (const command of compilers) {
    const env = { ...process.env, NODE_ENV: 'production' };
    const { status, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', env });
    if (error !== undefined) throw error;
    if (status !== 0) return status ?? 1;
  }
  writeFileSync(join(root, STAMP), inputs);
  return 0;
}

process.exitCode = build();
