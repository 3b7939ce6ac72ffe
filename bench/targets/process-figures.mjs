import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the unit of CPU time on Linux, the same on every machine that Node supports. */
const TICK_MS = 10;

/** Parent, CPU time and memory of a process; null if it has ended. */
function figuresOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the process name before it may contain anything
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    return { parent: Number(fields[1]), cpuMs, rssMb: Number(rss) / 1_024 };
  } catch {
    return null;
  }
}

/** CPU time (user and system, ms) and resident memory (MB) of a process and its children (nginx has a worker process). */
export function figures(pid) {
  const sum = { cpuMs: 0, rssMb: 0 };
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const found = figuresOf(name);
    if (found === null || (Number(name) !== pid && found.parent !== pid)) continue;
    sum.cpuMs += found.cpuMs;
    sum.rssMb += found.rssMb;
  }
  return sum;
}
