import { setTimeout as sleep } from 'node:timers/promises';
import { emptyCompileCache } from './targets/codex-pool.mjs';
import { figures } from './targets/process-figures.mjs';
import { start } from './targets/running.mjs';
import { targetNames } from './targets/worlds.mjs';

const SETTLE_MS = 1_000;
const WARM_LANES = 4;

/** Rotates the list, so that each round starts with a different target. */
function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** Measures a fresh start until the first served turn, and the memory of the idle process. */
async function started(describe) {
  const process = await start(describe);
  await sleep(SETTLE_MS);
  const { rssMb } = figures(process.pid);
  await process.stop();
  return { warm: process.servedMs, rssIdle: rssMb };
}

async function coldStarted(describe) {
  emptyCompileCache();
  const process = await start(describe);
  await process.stop();
  return { cold: process.servedMs };
}

/** Starts each program once per round; codex-pool also without V8's compile cache. */
export async function startRound(descriptions, round) {
  const seen = {};
  for (const [name, describe] of rotated(Object.entries(descriptions), round)) {
    const cold = name === 'codex-pool' ? await coldStarted(describe) : {};
    seen[name] = { ...cold, ...(await started(describe)) };
  }
  return seen;
}

/** Sends turns through all targets, so that V8 has compiled the hot functions before the first round. */
export async function warmUp(worlds, turns) {
  for (const target of new Set(Object.values(worlds).flat())) {
    for (const shape of ['few', 'chunks'])
      await target.load('runTurns', { kind: 'turn', shape, count: turns / 2, lanes: WARM_LANES });
  }
}

/** The values of a scenario's metrics; the derived ones follow when all targets are known. */
async function measured(scenario, target, sizes) {
  const values = await scenario.measure(target, sizes);
  const wanted = scenario.metrics.filter((it) => it.from === undefined).map(({ id }) => [id, values[id]]);
  const known = wanted.filter(([, value]) => Number.isFinite(value));
  if (target.isMeasured && known.length < wanted.length)
    throw new Error(`${scenario.id} has no value for a metric of ${target.name}`);
  return Object.fromEntries(known);
}

function withDerived(scenario, seen) {
  for (const { id, from, over } of scenario.metrics.filter((it) => it.from !== undefined)) {
    for (const [name, values] of Object.entries(seen)) {
      const reference = seen[over]?.[from];
      if (name !== over && reference !== undefined) values[id] = values[from] - reference;
    }
  }
  return seen;
}

const canServe = (scenario) => (target) => (scenario.targets ?? targetNames).includes(target.name);
const targetsOf = (worlds, scenario) => worlds[scenario.world ?? 'plain'].filter(canServe(scenario));

/** Runs each scenario on each target, one target after the other. */
export async function loadRound(worlds, scenarios, form, round) {
  const seen = {};
  for (const scenario of scenarios) {
    const of = {};
    for (const target of rotated(targetsOf(worlds, scenario), round))
      of[target.name] = await measured(scenario, target, scenario.sizes[form]);
    seen[scenario.id] = withDerived(scenario, of);
  }
  await sleep(SETTLE_MS);
  const programs = worlds.plain.filter((it) => it.isMeasured);
  seen.process = Object.fromEntries(programs.map((it) => [it.name, { rssAfterLoad: it.memory() }]));
  return seen;
}

/**
 * Runs each scenario once more while the probe measures the delay of the target's event loop; returns the 99th
 * percentile and the maximum of each. Apart from the other rounds, because the probe costs CPU time.
 */
export async function loopRound(worlds, scenarios, form, round) {
  const seen = {};
  for (const scenario of scenarios) {
    const probed = targetsOf(worlds, scenario).filter((it) => it.probe !== undefined);
    for (const target of rotated(probed, round)) {
      await target.probe('begin');
      await scenario.measure(target, scenario.sizes[form]);
      const { p99, max } = await target.probe('end');
      seen[target.name] ??= { worst: 0, longest: 0 };
      const of = seen[target.name];
      of[scenario.id] = p99;
      of.worst = Math.max(of.worst, p99);
      of.longest = Math.max(of.longest, max);
    }
  }
  return seen;
}
