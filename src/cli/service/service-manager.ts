import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { CommandError } from '../command/command-error.js';
import { launchdPlist } from './launchd-plist.js';
import { SERVICE, type ServiceFacts } from './service-facts.js';
import { systemdUnit } from './systemd-unit.js';
import { taskXml } from './task-xml.js';

const COMMAND_MS = 30_000;

/** A service manager of this system, and how it is told. */
export interface ServiceManager {
  /** The file that describes the service; null if this program writes none. */
  readonly file: string | null;
  text(facts: ServiceFacts): string;
  /** @throws CommandError if the manager is not there */
  check(): void;
  /** Starts the service from its file, or restarts it, now and at each login. @throws CommandError */
  start(): void;
  /** Stops the service, if it runs, and forgets it. */
  stop(): void;
  /** `running`, `failed`, … in the manager's own word. */
  state(): string;
  /** The last lines that the service wrote; empty if unknown. */
  lastLines(): string;
  /** A sentence that helps to keep it running; null if nothing is to be done. */
  hint(): string | null;
}

/** Returns the manager of this system: systemd, launchd, or one that can only show a task. */
export function serviceManager(env: NodeJS.ProcessEnv): ServiceManager {
  if (process.platform === 'darwin') return launchd(homeOf(env));
  if (process.platform === 'win32') return taskScheduler;
  return systemd(env);
}

/** @throws CommandError without a home */
export function homeOf(env: NodeJS.ProcessEnv): string {
  const home = process.platform === 'win32' ? homedir() : (env['HOME'] ?? '');
  if (isAbsolute(home)) return home;
  throw new CommandError('HOME is not set, so the folder of the service files is unknown. Set it.');
}

function systemd(env: NodeJS.ProcessEnv): ServiceManager {
  const configHome = env['XDG_CONFIG_HOME'] ?? '';
  const base = isAbsolute(configHome) ? configHome : join(homeOf(env), '.config');
  const unit = `${SERVICE}.service`;
  return {
    file: join(base, 'systemd', 'user', unit),
    text: systemdUnit,
    check() {
      const { status, output } = run('systemctl', ['--user', 'show-environment']);
      if (status === 0) return;
      const why = status === null ? 'systemctl is not installed' : firstLine(output);
      throw new CommandError(
        `systemd's user manager does not answer (${why}). In a container, under sudo or without systemd, start the program by what you have there: \`codex-pool service print\` shows the unit.`,
      );
    },
    start() {
      must('systemctl', ['--user', 'daemon-reload']);
      must('systemctl', ['--user', 'enable', unit]);
      must('systemctl', ['--user', 'restart', unit]);
    },
    stop() {
      run('systemctl', ['--user', 'disable', '--now', unit]);
    },
    state: () => firstLine(run('systemctl', ['--user', 'is-active', unit]).output) || 'unknown',
    lastLines: () => run('journalctl', ['--user', '-u', unit, '-n', '20', '--no-pager', '-o', 'cat']).output,
    hint() {
      const { status, output } = run('loginctl', ['show-user', env['USER'] ?? '', '--property=Linger']);
      return status === 0 && output.includes('Linger=no')
        ? 'It runs while you are logged in. To keep it running after that: loginctl enable-linger'
        : null;
    },
  };
}

function launchd(home: string): ServiceManager {
  const file = join(home, 'Library', 'LaunchAgents', `${SERVICE}.plist`);
  const domain = `gui/${process.getuid?.() ?? 0}`;
  return {
    file,
    text: launchdPlist,
    check() {
      const { status } = run('launchctl', ['print', domain]);
      if (status !== 0)
        throw new CommandError(
          `launchd has no session ${domain}: run this in a terminal of the logged-in user, not over ssh or sudo.`,
        );
    },
    start() {
      run('launchctl', ['bootout', `${domain}/${SERVICE}`]);
      must('launchctl', ['bootstrap', domain, file]);
    },
    stop() {
      run('launchctl', ['bootout', `${domain}/${SERVICE}`]);
    },
    state() {
      const { status, output } = run('launchctl', ['print', `${domain}/${SERVICE}`]);
      return status === 0 ? (/^\s*state = (.+)$/m.exec(output)?.[1] ?? 'unknown') : 'not loaded';
    },
    lastLines: () => '',
    hint: () => null,
  };
}

const taskScheduler: ServiceManager = {
  file: null,
  text: taskXml,
  check() {
    throw new CommandError(
      'On Windows the program installs no service. Save `codex-pool service print` as codex-pool.xml, then run: schtasks /Create /TN codex-pool /XML codex-pool.xml',
    );
  },
  start: () => undefined,
  stop: () => undefined,
  state: () => 'unknown',
  lastLines: () => '',
  hint: () => null,
};

/** Whether the file of a service is there. */
export function isInstalled({ file }: ServiceManager): boolean {
  return file !== null && existsSync(file);
}

function must(command: string, args: readonly string[]): void {
  const { status, output } = run(command, args);
  if (status === 0) return;
  throw new CommandError(`${command} ${args.join(' ')} failed: ${firstLine(output) || `code ${status}`}`);
}

/** `status` null: the command could not be run. */
function run(
  command: string,
  args: readonly string[],
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: COMMAND_MS,
  });
  return error === undefined ? { status, output: `${stdout}${stderr}`.trim() } : { status: null, output: '' };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
