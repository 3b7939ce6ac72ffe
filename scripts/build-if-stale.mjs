// Runs before every script that uses `dist`: builds if a source has changed since the last build.
// An up-to-date build needs no compiler, so devDependencies may be missing then.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, isStale, STAMP } from './build-inputs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The steps of a build. The first empties `dist`. Without a part that is `optional` the program still serves. */
const steps = [
  { script: join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), options: ['build'] },
  {
    script: join(root, 'node_modules', 'vite', 'bin', 'vite.js'),
    options: ['build', '--logLevel', 'warn'],
    optional: 'page',
  },
  { script: join(root, 'scripts', 'build-openapi.mjs'), options: [] },
  { script: join(root, 'scripts', 'build-bundle.mjs'), options: [], optional: 'bundle' },
];

/** Returns the exit code of the step that failed; 0 if none did, or if the build is up to date. */
function build() {
  const isAsked = process.argv.includes('--always');
  if (!isAsked && !isStale(root)) return 0;
  if (steps.some(({ script }) => !existsSync(script))) {
    process.stderr.write(
      'The build is missing or out of date, and the compiler is not installed. Run `npm install --include=dev`.\n',
    );
    return 1;
  }
  process.stderr.write('Building codex-pool (on the first start, and when a source has changed).\n');
  // Taken before the build, so that a source that changes during it counts as changed.
  const inputs = fingerprint(root);
  rmSync(join(root, STAMP), { force: true });
  for (const { script, options, optional } of steps) {
    const status = run(script, options);
    if (status === 0) continue;
    if (isAsked || optional === undefined) return status;
    process.stderr.write(
      `The ${optional} could not be built; codex-pool works without it, and the next start tries again. Its compiler needs the optional dependencies: \`npm install --include=optional\`.\n`,
    );
  }
  writeFileSync(join(root, STAMP), inputs);
  return 0;
}

/** Runs a script of Node; returns its exit code. */
function run(script, options) {
  const env = { ...process.env, NODE_ENV: 'production' };
  const { status, error } = spawnSync(process.execPath, [script, ...options], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

process.exitCode = build();
