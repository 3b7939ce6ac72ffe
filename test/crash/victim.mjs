// The program as `dist/main.js` starts it, and nothing else, but for what only a process itself can do: it notes each
// step of a refresh before the next one begins, dies at the step it is told to, and may be less patient. `startApp` is the
// one that is deployed; what is left out is the check of the Node version and the stop on a signal, since nobody asks
// this process to stop. Some of the random kills hit `dist/main.js` as it is (random-kills.crash-spec.ts).
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
// A token endpoint that says nothing is waited for five minutes: too long for a test.
if (VICTIM_STALL_MS !== undefined) limits.refreshTimeoutMs = Number(VICTIM_STALL_MS);

// What was written before a SIGKILL is in the hands of the system, and so in the file.
const steps = openSync(VICTIM_STEPS, 'a');

const config = loadConfig(process.env);
const errors = new RecentErrors();
const running = await startApp(config, {
  logger: new PoolLogger(errors, config.debug, false),
  errors,
  onRefreshStep: (step, account) => {
    writeSync(steps, `${step} ${account}\n`);
    if (step === VICTIM_DIES_AT && account === VICTIM_DIES_FOR) process.kill(process.pid, 'SIGKILL');
  },
});
// Else it is only written by a process that ends by itself, which none of these does.
flushCompileCache();
process.stdout.write(`codex-pool listens on http://${running.address.host}:${running.address.port}\n`);
