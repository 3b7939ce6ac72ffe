import { join } from 'node:path';
import { ask } from '../child-messages.mjs';
import { bareNode } from './bare-node-target.mjs';
import { accountIds, codexPool, databaseIn } from './codex-pool.mjs';
import { nginx } from './nginx.mjs';
import { figures } from './process-figures.mjs';
import { start } from './running.mjs';
import { storeYearOfRecords } from './year-of-records.mjs';

export const targetNames = ['direct', 'nginx', 'bare Node', 'codex-pool'];
const probed = new Set(['bare Node', 'codex-pool']);

/** How to start each target, for one upstream. */
export function descriptionsOf(folder, upstream, withNginx) {
  return {
    ...(withNginx ? { nginx: nginx(join(folder, 'nginx'), upstream) } : {}),
    'bare Node': bareNode(upstream),
    'codex-pool': codexPool(join(folder, 'codex-pool'), upstream),
  };
}

/**
 * The running targets, in sets: `plain`, `tls` (upstream speaks TLS) and `year` (codex-pool has a year of records in its
 * database; the others are those of `plain`).
 */
export class Worlds {
  #helpers;
  #running = [];

  /** @param helpers the processes of the load and of upstream */
  constructor(helpers) {
    this.#helpers = helpers;
  }

  /** Starts all targets of these worlds. */
  async start(names, folder, upstreams, withNginx) {
    const plain = await this.#world('http', join(folder, 'plain'), upstreams.plain, withNginx);
    const worlds = { plain };
    if (names.has('tls'))
      worlds.tls = await this.#world('https', join(folder, 'tls'), upstreams.tls, withNginx);
    if (names.has('year')) {
      const own = join(folder, 'year');
      const describe = codexPool(own, upstreams.plain);
      await (await start(describe)).stop(); // makes the tables
      await storeYearOfRecords(databaseIn(own), accountIds);
      const pool = await this.#started('codex-pool', describe);
      worlds.year = plain.map((it) => (it.name === 'codex-pool' ? pool : it));
    }
    return worlds;
  }

  async stop() {
    for (const it of this.#running) await it.stop();
  }

  async #world(scheme, folder, upstream, withNginx) {
    const direct = this.#target('direct', { scheme, port: upstream.port });
    const targets = [direct];
    for (const [name, describe] of Object.entries(descriptionsOf(folder, upstream, withNginx)))
      targets.push(await this.#started(name, describe));
    return targets;
  }

  async #started(name, describe) {
    const process = await start(describe, { isProbed: probed.has(name) });
    this.#running.push(process);
    return this.#target(name, { scheme: 'http', port: process.port }, process);
  }

  /** A target as a scenario sees it; `process` is missing for direct, and with it its CPU time and memory. */
  #target(name, address, process) {
    const { load, upstream } = this.#helpers;
    return {
      name,
      isMeasured: process !== undefined,
      /** Has the load do a task; returns its result. */
      async load(task, order = {}) {
        const { result, failure } = await ask(load, { task, target: address, ...order });
        if (failure !== undefined) throw new Error(`${task} through ${name} failed: ${failure}`);
        return result;
      },
      /** Does some work; returns its result, the CPU time that the target took for it, and the target's memory then. */
      async costOf(work) {
        if (process === undefined) return { result: await work() };
        const before = figures(process.pid);
        const result = await work();
        const { cpuMs, rssMb } = figures(process.pid);
        return { result, cpuMs: cpuMs - before.cpuMs, rssMb };
      },
      memory: () => figures(process.pid).rssMb,
      /** Turns that upstream has not ended. */
      openTurns: async () => (await ask(upstream, 'openTurns')).openTurns,
      probe: process?.probe,
    };
  }
}
