import { execFileSync } from 'node:child_process';

/**
 * Returns whether a program of the system is installed, and says in a sentence if its tests are left out. CI sets
 * `TEST_OPERATIONS=required`, so that they fail there instead.
 */
export function isInstalled(program: string): boolean {
  if (process.env['TEST_OPERATIONS'] === 'required') return true;
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore', env: environment() });
    return true;
  } catch {
    process.stdout.write(`${program} is not installed (Debian has it); its tests are left out.\n`);
    return false;
  }
}

/** The environment of such a program. Servers of Debian lie in `/usr/sbin`. */
export function environment(): Record<string, string> {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin` };
}
