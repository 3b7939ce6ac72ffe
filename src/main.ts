#!/usr/bin/env -S node --max-semi-space-size=4
// No static import of ours: an older Node could not even read the rest of the program.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `codex-pool needs Node.js 22.19 or newer, this is ${process.versions.node}: on Linux \`npm install && npm start\` brings the right one.\n`,
  );
  process.exitCode = 1;
} else {
  const { start } = await import('./start.js');
  await start();
}
