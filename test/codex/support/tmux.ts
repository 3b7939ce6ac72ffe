import { execFileSync, spawnSync } from 'node:child_process';

/** Installs tmux, which the tests of the terminal UI need, if it is missing. */
export function installTmux(): void {
  if (has('tmux')) return;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    throw new Error(
      'The tests of the terminal UI need tmux, and cannot install it here: please install tmux.',
    );
  }
  process.stdout.write('Installing tmux for the tests of the terminal UI …\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
  execFileSync('apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'tmux'], {
    env,
    stdio: 'inherit',
  });
}

function has(command: string): boolean {
  return spawnSync(command, ['-V'], { stdio: 'ignore' }).error === undefined;
}
