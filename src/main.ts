#!/usr/bin/env node
// No static import of our files: an older Node could not parse them.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `codex-pool needs Node.js 22.19 or newer, this is ${process.versions.node}: on Linux, \`npm install && npm start\` installs the right one.\n`,
  );
  process.exitCode = 1;
} else {
  // Imported dynamically as well: an older Node does not export the names that it imports.
  const { startProgram } = await import('./bootstrap/start-program.js');
  await startProgram();
}
