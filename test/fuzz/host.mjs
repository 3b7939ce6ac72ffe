// Starts the program as `dist/main.js` does, with what only the process itself can see: for each line on its standard
// input it prints its figures. `startApp` and the handler of uncaught errors are the deployed ones.
import 'reflect-metadata';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { openHandles } from '../support/program/open-handles.mjs';

const TICK_MS = 10;

const { FUZZ_DIST } = process.env;
const built = (name) => import(pathToFileURL(join(FUZZ_DIST, name)).href);
const [
  { loadConfig },
  { startApp },
  { handleUncaught },
  { Drain },
  { Faults },
  { ReplayBudget },
  { AccountRegistry },
  { PoolLogger },
  { RecentErrors },
] = await Promise.all(
  [
    'config/app.config.js',
    'bootstrap/app.setup.js',
    'bootstrap/uncaught-exceptions.js',
    'runtime/drain.js',
    'observability/faults.js',
    'proxy/request/replay-budget.js',
    'accounts/account-registry.js',
    'observability/pool-logger.js',
    'observability/recent-errors.js',
  ].map(built),
);

const config = loadConfig(process.env);
const errors = new RecentErrors();
const running = await startApp(config, {
  logger: new PoolLogger(errors, config.debug, 'json'),
  errors,
  loginPorts: [0],
});
const part = (type) => running.app.get(type, { strict: false });

let uncaught = 0;
handleUncaught(part(Faults), () => (uncaught += 1));

/** The longest delay of the loop since the last report, and the time that this thread has computed in it. */
let delay = { ms: 0, cpuMs: 0 };
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};
let last = { at: performance.now(), cpu: cpuMs() };
setInterval(() => {
  const now = { at: performance.now(), cpu: cpuMs() };
  const ms = now.at - last.at - TICK_MS;
  if (ms > delay.ms) delay = { ms, cpuMs: now.cpu - last.cpu };
  last = now;
}, TICK_MS);

const lines = createInterface({ input: process.stdin });
lines.once('close', () => process.exit()); // the fuzz has ended, in whatever way
lines.on('line', () => {
  const accounts = part(AccountRegistry).list();
  const figures = {
    uncaught,
    faults: part(Faults).count.total,
    inFlight: accounts.reduce((sum, it) => sum + it.inFlight, 0) + part(Drain).inFlight,
    budgetBytes: part(ReplayBudget).bytes,
    delay,
    handles: openHandles(),
  };
  delay = { ms: 0, cpuMs: 0 };
  process.stdout.write(`figures ${JSON.stringify(figures)}\n`);
});
process.stdout.write(`codex-pool listens on http://${running.address.host}:${running.address.port}\n`);
