// Compares codex-pool with nginx, a minimal proxy in Node and a direct connection:
// `npm run bench [-- --quick] [-- --check] [-- --write-docs] [-- --only few,chunks] [-- --rounds 1]`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { helper, nextMessage } from './child-messages.mjs';
import { machineWith } from './machine.mjs';
import { exceededCeilings, scenariosOf, TRIES } from './ceilings.mjs';
import { writeDocs } from './report/docs.mjs';
import { plainReport } from './report/plain.mjs';
import { loadRound, loopRound, startRound, warmUp } from './rounds.mjs';
import { scenarios } from './scenarios/scenarios.mjs';
import { summed } from './summary.mjs';
import { findNginx } from './targets/nginx.mjs';
import { descriptionsOf, Worlds } from './targets/worlds.mjs';

const forms = {
  full: { rounds: 5, loopRounds: 3, warmTurns: 10_000 },
  quick: { rounds: 2, loopRounds: 0, warmTurns: 3_000 },
};
/** Limit of the whole bench, against hangs. */
const LIMIT_MS = 1_500_000;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);
const seconds = () => `${Math.round(performance.now() / 1_000)} s, load ${loadavg()[0].toFixed(1)}`;

/** Runs `count` rounds of one kind. */
async function inRounds(count, what, run) {
  const seen = [];
  for (let round = 0; round < count; round += 1) {
    seen.push(await run(round));
    say(`${what}, round ${round + 1} of ${count} (${seconds()})`);
  }
  return seen;
}

async function measure(chosen, form, folder, withNginx) {
  const { rounds, loopRounds, warmTurns } = forms[form];
  const [upstream, load] = [helper('upstream/upstream.mjs'), helper('load/load.mjs')];
  const worlds = new Worlds({ upstream, load });
  try {
    const { port, tlsPort } = await nextMessage(upstream);
    const upstreams = {
      plain: { port, isTls: false, origin: `http://127.0.0.1:${port}` },
      tls: { port: tlsPort, isTls: true, origin: `https://127.0.0.1:${tlsPort}` },
    };
    const descriptions = descriptionsOf(join(folder, 'starts'), upstreams.plain, withNginx);
    const starts = await inRounds(rounds, 'starts', (round) => startRound(descriptions, round));
    const names = new Set(chosen.map((it) => it.world));
    const running = await worlds.start(names, folder, upstreams, withNginx);
    await warmUp(running, warmTurns);
    const loads = await inRounds(rounds, 'loads', (round) => loadRound(running, chosen, form, round));
    const loops = await inRounds(loopRounds, 'event loop', (round) =>
      loopRound(running, chosen, form, round),
    );
    return loads.map((it, round) => ({
      ...it,
      process: merged(it.process, starts[round]),
      loop: loops[round],
    }));
  } finally {
    await worlds.stop();
    upstream.disconnect();
    load.disconnect();
  }
}

function merged(one, other) {
  return Object.fromEntries(Object.keys(one).map((name) => [name, { ...one[name], ...other[name] }]));
}

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
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

const form = flags.quick ? 'quick' : 'full';
if (flags.rounds !== undefined) {
  const most = Number(flags.rounds);
  forms[form].rounds = most;
  forms[form].loopRounds = Math.min(forms[form].loopRounds, most);
}
const only = flags.only?.split(',');
const chosen = scenarios.filter((it) =>
  only === undefined ? form === 'full' || it.isFullOnly !== true : only.includes(it.id),
);
const found = findNginx({ mayInstall: !flags.check }); // the check compares with bare Node
if (found.missing !== undefined) say(`Without nginx: ${found.missing}.`);
const machine = machineWith(found.version);
say(`${machine.cpu}, ${machine.cores} cores, load ${machine.loadAverage.toFixed(1)}.`);

const folder = mkdtempSync(join(tmpdir(), 'codex-pool-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const rounds = await measure(chosen, form, folder, found.version !== undefined);
const result = {
  measuredAt: new Date().toISOString(),
  form,
  rounds: forms[form].rounds,
  loopRounds: forms[form].loopRounds,
  machine: { ...machine, loadAverageAtEnd: loadavg()[0] },
  figures: summed(rounds),
};

mkdirSync(here('results'), { recursive: true });
writeFileSync(here('results/latest.json'), `${JSON.stringify({ ...result, rounds }, null, 2)}\n`);
say(`\n${plainReport(result)}\n\nFull results: bench/results/latest.json (${seconds()})`);
if (flags['write-docs']) {
  writeDocs(result);
  say('docs/benchmarks.md and docs/benchmarks/ are written.');
}
process.exit(flags.check && (await isOverCeiling(result.figures)) ? 1 : 0);

/** Returns whether a ceiling is exceeded each time it is measured. */
async function isOverCeiling(figures) {
  let exceeded = exceededCeilings(figures);
  for (let tries = 1; exceeded.length > 0; tries += 1) {
    for (const { text } of exceeded) process.stderr.write(`${text}\n`);
    if (tries === TRIES) return true;
    say(`Measured again (${seconds()}).`);
    const again = scenariosOf(exceeded, chosen);
    const seen = summed(await measure(again, form, join(folder, `again-${tries}`), false));
    const names = new Set(exceeded.map(({ of }) => of));
    exceeded = exceededCeilings(seen).filter(({ of }) => names.has(of));
  }
  return false;
}
