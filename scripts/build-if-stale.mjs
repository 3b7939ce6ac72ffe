// Runs before every script that uses `dist`: builds if a source has changed since the last build.
// An up-to-date build needs no compiler, so devDependencies may be missing then.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, isStale, STAMP } from './build-inputs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');

/** Returns the exit code of the compiler; 0 if the build is up to date. */
function build() {
  if (!process.argv.includes('--always') && !isStale(root)) return 0;
  if (!existsSync(compiler)) {
    process.stderr.write(
      'The build is missing or out of date, and the compiler is not installed. Run `npm install --include=dev`.\n',
    );
    return 1;
  }
  process.stderr.write('Building codex-pool (on the first start, and when a source has changed).\n');
  // Taken before the build, so that a source that changes during it counts as changed.
  const inputs = fingerprint(root);
  rmSync(join(root, STAMP), { force: true });
  const { status, error } = spawnSync(process.execPath, [compiler, 'build'], { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status === 0) writeFileSync(join(root, STAMP), inputs);
  return status ?? 1;
}

process.exitCode = build();
