import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { stopSecondsFor } from '../../../src/cli/service/service-facts.js';
import { loadConfig } from '../../../src/config/app.config.js';
import { projectFolder } from '../../support/operations/ops-files.js';
import { environment, isInstalled } from '../../support/operations/real-programs.js';

const UNIT = 'ops/codex-pool.service';
/** The largest exposure that systemd calls OK; 10 is a unit without restrictions. */
const EXPOSURE = 4;

/** Runs systemd-analyze on the unit, without a running systemd; returns both outputs. */
function analyzed(...args: readonly string[]): string {
  const options = { cwd: projectFolder, env: environment(), encoding: 'utf8' } as const;
  const command = '"$@" 2>&1';
  return execFileSync('/bin/sh', ['-c', command, 'sh', 'systemd-analyze', ...args, UNIT], options);
}

describe('ops/codex-pool.service', () => {
  it.runIf(isInstalled('systemd-analyze'))('is understood by systemd, and restricts the program', () => {
    // Other units of this machine may have faults of their own.
    expect(analyzed('verify', '--man=no')).not.toContain(UNIT);
    const said = analyzed('security', '--offline=true', '--no-pager');
    const [, exposure] = /exposure level for codex-pool\.service: ([\d.]+)/.exec(said) ?? [];
    expect(Number(exposure)).toBeLessThan(EXPOSURE);
  });

  it('waits until a stop has ended by itself, and has a place for pool and database', async () => {
    const unit = await readFile(`${projectFolder}${UNIT}`, 'utf8');
    const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(stopSecondsFor(loadConfig({}).drainSeconds));
    const [, state] = /^StateDirectory=(\S+)$/m.exec(unit) ?? [];
    expect(unit).toContain(`\nWorkingDirectory=/var/lib/${state}\n`);
    expect(unit).toContain('\nExecStart=/usr/bin/env codex-pool start\n');
  });
});
