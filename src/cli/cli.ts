#!/usr/bin/env node
// No static import of our files: an older Node could not parse them.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  const { spawnSync } = await import('node:child_process');
  const { createRequire } = await import('node:module');
  let node = null;
  try {
    // On Linux, npm has installed the right Node beside the program.
    node = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`);
  } catch {
    process.stderr.write(
      `codex-pool needs Node.js 22.19 or newer, this is ${process.versions.node}. Install a newer one from your system's packages or https://nodejs.org.\n`,
    );
  }
  const args = [import.meta.filename, ...process.argv.slice(2)];
  process.exitCode = node === null ? 1 : (spawnSync(node, args, { stdio: 'inherit' }).status ?? 1);
} else {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(`${import.meta.dirname}/../.compile-cache`);
  const { existsSync } = await import('node:fs');
  // The bundle is an optional step of the build (`scripts/build-bundle.mjs`).
  const isBundled = existsSync(`${import.meta.dirname}/../cli-bundle/program.js`);
  const entry = isBundled ? '../cli-bundle/program.js' : './program.js';
  const { run }: typeof import('./program.js') = await import(entry);
  process.exitCode = await run(process.argv.slice(2));
}
