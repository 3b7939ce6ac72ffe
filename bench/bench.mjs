// Compares codex-pool with nginx and a direct connection: `npm run bench [-- --quick] [-- --write-docs]`.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bareNode, codexPool, findNginx, nginx, start } from './targets/running.mjs';
import { metrics } from './aims.mjs';
import { figures } from './targets/process-figures.mjs';
import { page, plainTable } from './report/page.mjs';
import { percentile, spread } from './statistics.mjs';
import { requestBody, sizeOf, wholeResponse } from './turn/request.mjs';

const full = { rounds: 7, warmTurns: 800, cpuTurns: 600, latencyTurns: 300, streamEvents: 150 };
const quick = { rounds: 3, warmTurns: 600, cpuTurns: 400, latencyTurns: 150, streamEvents: 75 };
const fixed = { cpuLanes: 4, streams: 50, everyMs: 20, idleMs: 1_000 };
/** Limit of the whole bench, against hangs. */
const LIMIT_MS = 360_000;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts a helper process, which ends when its channel closes. */
function helper(file) {
  return fork(here(file), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

function nextMessage(child) {
  return new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`a bench process ended with code ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}

async function ask(load, task, order) {
  load.send({ task, ...order });
  const { result, failure } = await nextMessage(load);
  if (failure !== undefined) throw new Error(`${task} failed: ${failure}`);
  return result;
}

/** Runs one round of load on one target; returns the times, and the cost for its process (none for direct). */
async function loaded(load, { port, pid }, setup) {
  const cost = () => (pid === null ? { cpuMs: 0, rssMb: 0 } : figures(pid));
  const { firstBytes } = await ask(load, 'turns', { port, count: setup.latencyTurns, concurrency: 1 });
  const before = cost();
  await ask(load, 'turns', { port, count: setup.cpuTurns, concurrency: setup.cpuLanes });
  const between = cost();
  const { streams, streamEvents: events, everyMs } = setup;
  const { gaps } = await ask(load, 'streams', { port, streams, events, everyMs });
  const after = cost();
  const seen = {
    firstByteP50: percentile(firstBytes, 0.5),
    firstByteP99: percentile(firstBytes, 0.99),
    gapP50: percentile(gaps, 0.5),
    gapP99: percentile(gaps, 0.99),
  };
  if (pid === null) return seen;
  return {
    ...seen,
    cpuPerTurn: (between.cpuMs - before.cpuMs) / setup.cpuTurns,
    cpuPerEvent: ((after.cpuMs - between.cpuMs) * 1_000) / (streams * events),
    rssAfterLoad: after.rssMb,
  };
}

/** The difference between a target and direct in the same round. */
function overDirect(seen, direct) {
  return {
    firstByteAddedP50: seen.firstByteP50 - direct.firstByteP50,
    firstByteAddedP99: seen.firstByteP99 - direct.firstByteP99,
    gapAddedP50: seen.gapP50 - direct.gapP50,
    gapAddedP99: seen.gapP99 - direct.gapP99,
  };
}

/** Measures a fresh start: its duration, and the memory of the idle process. */
async function started(describe, setup) {
  const process = await start(describe);
  await sleep(setup.idleMs);
  const { rssMb } = figures(process.pid);
  await process.stop();
  return { portOpen: process.portOpenMs, healthy: process.healthyMs, rssIdle: rssMb };
}

/** Rotates the list, so that each round starts with a different target. */
function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

async function measure(setup, folder, withNginx) {
  const [upstream, load] = [helper('upstream/upstream.mjs'), helper('load/load.mjs')];
  const running = [];
  try {
    const { port: upstreamPort } = await nextMessage(upstream);
    const descriptions = {
      ...(withNginx ? { nginx: nginx(join(folder, 'nginx'), upstreamPort) } : {}),
      'bare Node': bareNode(upstreamPort),
      'codex-pool': codexPool(join(folder, 'codex-pool'), upstreamPort),
    };
    const rounds = [];
    for (let round = 0; round < setup.rounds; round += 1) {
      rounds.push({});
      for (const [name, describe] of rotated(Object.entries(descriptions), round)) {
        rounds[round][name] = await started(describe, setup);
      }
    }
    say(`${setup.rounds} starts each`);
    const targets = [{ name: 'direct', port: upstreamPort, pid: null }];
    for (const [name, describe] of Object.entries(descriptions)) {
      const process = await start(describe);
      running.push(process);
      targets.push({ name, port: process.port, pid: process.pid });
    }
    for (const { port } of targets) {
      await ask(load, 'turns', { port, count: setup.warmTurns, concurrency: setup.cpuLanes });
    }
    for (let round = 0; round < setup.rounds; round += 1) {
      const seen = {};
      for (const target of rotated(targets, round)) seen[target.name] = await loaded(load, target, setup);
      for (const { name } of targets) {
        const added = name === 'direct' ? {} : overDirect(seen[name], seen.direct);
        rounds[round][name] = { ...rounds[round][name], ...seen[name], ...added };
      }
      say(`round ${round + 1} of ${setup.rounds}`);
    }
    return rounds;
  } finally {
    for (const process of running) await process.stop();
    upstream.disconnect();
    load.disconnect();
  }
}

/** Median, minimum and maximum of every metric of every target. */
function summed(rounds) {
  const names = Object.keys(rounds[0]);
  const of = (name) =>
    metrics
      .map(({ id }) => [id, rounds.map((it) => it[name][id]).filter((it) => it !== undefined)])
      .filter(([, values]) => values.length > 0)
      .map(([id, values]) => [id, spread(values)]);
  return Object.fromEntries(names.map((name) => [name, Object.fromEntries(of(name))]));
}

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, 'write-docs': { type: 'boolean', default: false } },
});

if (process.platform !== 'linux') {
  process.stderr.write('The bench runs only on Linux, because it reads CPU time and memory from /proc.\n');
  process.exit(1);
}
setTimeout(() => {
  process.stderr.write(`The bench took more than ${LIMIT_MS / 1_000} s and was stopped.\n`);
  process.exit(1);
}, LIMIT_MS).unref();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const response = wholeResponse();
const setup = {
  ...fixed,
  ...(flags.quick ? quick : full),
  requestBytes: requestBody('00000000-0000-4000-8000-000000000000').length,
  responseBytes: sizeOf(response),
  responseEvents: response.length,
};
const found = findNginx();
if (found.missing !== undefined) say(`Without nginx: ${found.missing}.`);
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  loadAverage: loadavg()[0],
  node: process.versions.node,
  nginx: found.version ?? null,
};
say(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.loadAverage.toFixed(1)}: trust the ratios more than the times.`,
);

const folder = mkdtempSync(join(tmpdir(), 'codex-pool-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const rounds = await measure(setup, folder, found.version !== undefined);
const result = { measuredAt: new Date().toISOString(), machine, setup, targets: summed(rounds), rounds };

mkdirSync(here('results'), { recursive: true });
writeFileSync(here('results/latest.json'), `${JSON.stringify(result, null, 2)}\n`);
say(
  `\n${plainTable(result)}\n\nmedian of ${setup.rounds} rounds (minimum to maximum); full results: bench/results/latest.json`,
);
if (flags['write-docs']) {
  writeFileSync(
    here('../docs/benchmarks.md'),
    page(result, ...['notes.md', 'usage-notes.md'].map((it) => readFileSync(here(it), 'utf8'))),
  );
  say('docs/benchmarks.md is written.');
}
process.exit(0);
