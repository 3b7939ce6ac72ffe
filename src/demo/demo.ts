#!/usr/bin/env node
// No static imports of our modules: an older Node cannot parse the rest of the program.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `The demo needs Node.js 22.19 or newer; this is ${process.versions.node}. On Linux, \`npm install && npm run demo\` installs the right one.\n`,
  );
  process.exitCode = 1;
} else {
  const { runDemo } = await import('./demo-command.js');
  // Explicit, so that a leftover listener or timer does not keep the terminal waiting.
  process.exit(await runDemo(process.argv.slice(2)));
}
