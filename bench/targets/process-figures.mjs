import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the unit of CPU time in `/proc/<pid>/stat` on Linux, the same on every machine that Node supports. */
const TICK_MS = 10;
/** Most kernels also count in nanoseconds. */
const isExact = existsSync('/proc/self/schedstat');

/** The content of a file in /proc; null if its process or thread has ended. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

/** The fields of `/proc/<pid>/stat` after the name, which may contain anything. */
const fieldsOf = (stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

function exactCpuMs(pid) {
  const threads = readdirSync(`/proc/${pid}/task`).map((it) => read(`/proc/${pid}/task/${it}/schedstat`));
  return threads.reduce((sum, it) => sum + (it === null ? 0 : Number(it.split(' ')[0]) / 1e6), 0);
}

const tickedCpuMs = (stat) =>
  fieldsOf(stat)
    .slice(11, 13)
    .reduce((sum, it) => sum + Number(it) * TICK_MS, 0);

function rssMb(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) / 1_024;
}

/** A process and its children. */
function family(pid) {
  const isChild = (it) => {
    const stat = /^\d+$/.test(it) ? read(`/proc/${it}/stat`) : null;
    return stat !== null && Number(fieldsOf(stat)[1]) === pid;
  };
  return [pid, ...readdirSync('/proc').filter(isChild)];
}

/** CPU time (user and system, ms) and resident memory (MB) of a process and its children (nginx has a worker process). */
export function figures(pid) {
  const sum = { cpuMs: 0, rssMb: 0 };
  for (const it of family(pid)) {
    const stat = read(`/proc/${it}/stat`);
    if (stat === null) throw new Error(`process ${it} has ended`);
    sum.cpuMs += isExact ? exactCpuMs(it) : tickedCpuMs(stat);
    sum.rssMb += rssMb(it);
  }
  return sum;
}
