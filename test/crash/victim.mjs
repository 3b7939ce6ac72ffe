// Starts the program as `dist/main.js` does, with the additions that only the process itself can make. It records each
// step of a refresh before the next one begins, kills itself at a given step, and can use a shorter token timeout.
// `startApp` is the deployed one. The check of the Node version and the stop on a signal are left out: the tests never
// ask this process to stop. Some of the random kills hit the unmodified `dist/main.js` (random-kills.crash-spec.ts).
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { VICTIM_DIST, VICTIM_STEPS, VICTIM_DIES_AT = '', VICTIM_DIES_FOR = '', VICTIM_STALL_MS } = process.env;
const built = (name) => import(pathToFileURL(join(VICTIM_DIST, name)).href);
const [{ loadConfig }, { startApp }, { PoolLogger }, { RecentErrors }, { limits }] = await Promise.all(
  [
    'config/app.config.js',
    'bootstrap/app.setup.js',
    'observability/pool-logger.js',
    'observability/recent-errors.js',
    'config/limits.js',
  ].map(built),
);
// The program waits five minutes for a silent token endpoint: too long for a test.
if (VICTIM_STALL_MS !== undefined) limits.refreshTimeoutMs = Number(VICTIM_STALL_MS);

// Data written before a SIGKILL is with the kernel, so it reaches the file.
const steps = openSync(VICTIM_STEPS, 'a');

const config = loadConfig(process.env);
const errors = new RecentErrors();
const running = await startApp(config, {
  logger: new PoolLogger(errors, config.debug, 'json'),
  errors,
  onRefreshStep: (step, account) => {
    writeSync(steps, `${step} ${account}\n`);
    if (step === VICTIM_DIES_AT && account === VICTIM_DIES_FOR) process.kill(process.pid, 'SIGKILL');
  },
});
// Node writes the cache only at a normal exit, and these processes never exit normally.
flushCompileCache();
process.stdout.write(`codex-pool listens on http://${running.address.host}:${running.address.port}\n`);
