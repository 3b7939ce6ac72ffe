import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const isRoot = process.getuid?.() === 0;

/** Installs Debian's Chromium if no browser is present. */
export function installChromium(): void {
  if (find('chromium') !== null) return;
  if (!isRoot || find('apt-get') === null) {
    throw new Error(
      'The tests in the browser need chromium, and cannot install it here: please install chromium.',
    );
  }
  process.stdout.write('Installing chromium for the tests in the browser …\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
  execFileSync('apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'chromium'], {
    env,
    stdio: 'inherit',
  });
}

/** A browser with an empty profile that reaches only this machine. */
export async function startChromium(): Promise<Browser> {
  const executablePath = find('chromium');
  if (executablePath === null) throw new Error('There is no chromium');
  return await chromium.launch({
    executablePath,
    // It does not work for root.
    chromiumSandbox: !isRoot,
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--disable-dev-shm-usage'],
  });
}

function find(command: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
