#!/usr/bin/env -S node --max-semi-space-size=4
// No static import of ours: an older Node could not even read the rest of the program.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `codex-pool needs Node.js 22.19 or newer, this is ${process.versions.node}: on Linux \`npm install && npm start\` brings the right one.\n`,
  );
  process.exitCode = 1;
} else {
  // Imported here, too: an older Node does not have these names.
  const { enableCompileCache, flushCompileCache } = await import('node:module');
  // Within the build, so that it goes with it; where that is read-only, nothing is cached.
  enableCompileCache(`${import.meta.dirname}/.compile-cache`);
  const { start } = await import('./bootstrap/start.js');
  await start();
  // At once, since a process that is killed writes none.
  flushCompileCache();
}
