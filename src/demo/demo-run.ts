import { once } from 'node:events';
import { codexConfig } from './codex-config.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { makeCodexHome } from './codex-home.js';
import { DemoClient } from './demo-client.js';
import type { DemoOptions } from './demo-options.js';
import { DemoPool } from './demo-pool.js';
import { DemoShow } from './demo-show.js';
import { faults } from './faults.js';
import { first, people } from './made-up-people.js';
import { Stage } from './stage.js';

/** Pauses that make the show readable, ms. */
const paces = { slow: { word: 70, step: 600 }, fast: { word: 4, step: 0 } } as const;

/** Runs the demo until it ends or is stopped; returns the exit code. */
export async function showDemo(options: DemoOptions): Promise<number> {
  const stopped = untilStopped();
  const pace = options.isFast ? paces.fast : paces.slow;
  const stage = new Stage(process.stdout, stopped, pace.step);
  try {
    await using pool = await DemoPool.start({ ...options, wordPauseMs: pace.word });
    stage.lines('codex-pool at work, with made-up accounts and a fake upstream, all on this machine.');
    const client = new DemoClient(pool.origin, stopped);
    await new DemoShow(pool, client, stage, stopped).run(options.fault ?? 'usage-limit');
    if (options.isKept) await keep(pool, options, stage, stopped);
  } catch (error) {
    if (!stopped.aborted) {
      stage.endWords();
      process.stderr.write(`${whyNot(error, options)}\n`);
      return 1;
    }
  }
  const end = stopped.aborted ? 'Stopped' : 'Done';
  stage.lines('', `${end}. The temporary folder is removed, and nothing else was written.`);
  return 0;
}

/** Returns a signal that aborts on SIGINT, SIGTERM, SIGHUP or a closed stdout. A second signal exits at once. */
function untilStopped(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.stdout.on('error', () => stop.abort());
  return stop.signal;
}

/** Keeps running for a real Codex until it is stopped. */
async function keep(
  pool: DemoPool,
  { fault }: DemoOptions,
  stage: Stage,
  stopped: AbortSignal,
): Promise<void> {
  pool.says('This was made up by {account} and delivered by codex-pool.');
  if (fault !== null) pool.befalls(fault);
  const home = await makeCodexHome(pool.folder, pool.origin);
  stage.lines(
    '',
    `codex-pool keeps running on ${pool.origin}, with ${people.length} made-up accounts, until Ctrl-C.`,
    ...(fault === null ? [] : [`Every turn of ${first.name} fails: ${faults[fault].means}.`]),
    '',
    'Run a real Codex with a made-up login, apart from your own:',
    '',
    `   CODEX_HOME=${home} codex exec --skip-git-repo-check "hello"`,
    '',
    'Or use your own, with this in ~/.codex/config.toml (the first two lines above its first [table]):',
    '',
    ...codexConfig(pool.origin).map((it) => `   ${it}`.trimEnd()),
    '',
    `The state of the pool:  curl ${pool.origin}/admin/accounts`,
  );
  if (!stopped.aborted) await once(stopped, 'abort');
}

function whyNot(error: unknown, { port }: DemoOptions): string {
  if (errorCode(error) === 'EADDRINUSE')
    return `127.0.0.1:${port} is in use, perhaps by codex-pool itself. Stop that, or choose another port with --port.`;
  return `The demo failed: ${describeError(error)}`;
}
