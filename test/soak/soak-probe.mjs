// Preloaded into the program (`--import`), which has no way of its own to force a garbage collection. On SIGUSR2 it
// collects, writes a heap snapshot to SOAK_SNAPSHOT and prints the figures. It changes nothing else.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openHandles } from '../support/program/open-handles.mjs';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Collections that are always made, and those that are made at most. */
const LEAST_ROUNDS = 4;
const MAX_ROUNDS = 20;
/** A collection that frees less has freed nothing. */
const FREED_BYTES = 20_000;

function counted(names) {
  const counts = {};
  for (const it of names) counts[it] = (counts[it] ?? 0) + 1;
  return counts;
}

/** Listeners on the process, by event. Those of other emitters are in the snapshot. */
function processListeners() {
  return Object.fromEntries(process.eventNames().map((it) => [String(it), process.listenerCount(it)]));
}

/** Collects until nothing more is freed: each finalizer that has run may leave more to collect. */
async function collectAll() {
  let used = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    collect();
    await setImmediate();
    const { heapUsed } = process.memoryUsage();
    if (used - heapUsed < FREED_BYTES && round >= LEAST_ROUNDS) return;
    used = heapUsed;
  }
}

/** Blocks the program for seconds, so it is called only while no request runs. */
async function printFigures() {
  await collectAll();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const resources = counted(process.getActiveResourcesInfo());
  const figures = { rss, heapUsed, external, arrayBuffers, resources };
  const rest = { handles: openHandles(), listeners: processListeners() };
  writeHeapSnapshot(process.env.SOAK_SNAPSHOT);
  process.stdout.write(`probed ${JSON.stringify({ ...figures, ...rest })}\n`);
}

process.on('SIGUSR2', () => void printFigures());
