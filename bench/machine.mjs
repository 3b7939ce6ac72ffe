import { cpus, loadavg, release, totalmem } from 'node:os';

/** The machine and the versions that a run was measured with. */
export function machineWith(nginxVersion) {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadAverage: loadavg()[0],
    node: process.versions.node,
    nginx: nginxVersion ?? null,
  };
}
