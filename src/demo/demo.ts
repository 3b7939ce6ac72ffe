#!/usr/bin/env node
// No static import of ours: an older Node could not even read the rest of the program.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `The demo needs Node.js 22.19 or newer, this is ${process.versions.node}: on Linux \`npm install && npm run demo\` brings the right one.\n`,
  );
  process.exitCode = 1;
} else {
  const { runDemo } = await import('./demo-run.js');
  // By hand: a listener or a timer that somebody forgot must not keep a terminal waiting.
  process.exit(await runDemo(process.argv.slice(2)));
}
