import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import spawn from 'cross-spawn';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { NotReachableError, ProxyClient } from '../command/proxy-client.js';
import { type WantedKey, wantedKeys } from '../codex-config/wanted-keys.js';
import { MANAGED_FILE, SYSTEM_FOLDER } from './system-folder.js';

/** How long the proxy may take to say whether it is there. */
const PATIENCE_MS = 3_000;
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Runs Codex through the proxy for this once; no file is changed. It has this terminal, and gets the arguments as
 * they are. Returns its exit code; if a signal ends it, the same signal ends this process.
 * @throws CommandError if no proxy answers, or Codex is not installed
 */
export async function runCodex(origin: string, args: readonly string[], output: Output): Promise<number> {
  await refuseWithoutProxy(origin, output);
  const wanted = wantedKeys('root-keys', origin);
  await tellManaged(wanted, output);
  const overrides = wanted.flatMap(({ key, value }) => ['-c', `${key}=${value}`]);
  // On Windows, npm installs `codex.cmd`, which Node itself neither finds nor runs.
  const child = spawn('codex', [...overrides, ...args], { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): void => {
    // The terminal itself sends its keys' signals to Codex, too.
    const isKey = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    if (!isKey) child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  try {
    const { code, signal } = await endOf(child);
    if (signal === null) return code ?? exitCodes.finding;
    for (const it of forwarded) process.off(it, forward);
    process.kill(process.pid, signal);
    return 128 + constants.signals[signal]; // it is ignored here
  } finally {
    for (const signal of forwarded) process.off(signal, forward);
  }
}

/** Says if the config of the machine wins over the overrides. The parser is loaded only where there is such a file. */
async function tellManaged(wanted: readonly WantedKey[], output: Output): Promise<void> {
  if (!existsSync(join(SYSTEM_FOLDER, MANAGED_FILE))) return;
  const { managedNotes } = await import('./system-layers.js');
  for (const it of await managedNotes(SYSTEM_FOLDER, wanted)) output.note(`${it.sentence} ${it.repair}`);
}

async function refuseWithoutProxy(origin: string, output: Output): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new NotReachableError(origin, `silent for ${PATIENCE_MS / 1_000} s`)),
      PATIENCE_MS,
    );
  });
  try {
    const { status } = await Promise.race([new ProxyClient(origin, null).send('GET', '/readyz'), silence]);
    if (status !== 200) output.note('The proxy answers, but none of its accounts can serve now.');
  } finally {
    clearTimeout(timer);
  }
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new CommandError(
          error.code === 'ENOENT'
            ? 'There is no `codex` in the PATH: install it with `npm install -g @openai/codex`.'
            : `codex cannot be run: ${error.message}`,
        ),
      );
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
