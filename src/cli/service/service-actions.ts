import { existsSync, readFileSync } from 'node:fs';
import { mkdir, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { replaceFile } from '../../runtime/files/atomic-file.js';
import { cliSettings, originOf } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { NotReachableError, ProxyClient } from '../command/proxy-client.js';
import { MARKER, serviceFacts, serviceNotes } from './service-facts.js';
import { homeOf, isInstalled, type ServiceManager, serviceManager } from './service-manager.js';

/** How long a start may take until `/readyz` answers. */
const START_MS = 30_000;
const PERIOD_MS = 250;
const UNDO =
  'While no proxy runs, a Codex that `codex-pool setup` has pointed at it cannot work, nor sign in. `codex-pool undo` takes that back.';

/** Writes the service's file, starts it, and waits until the proxy answers. @throws CommandError with the reason */
export async function installService(output: Output): Promise<void> {
  const manager = serviceManager(process.env);
  const settings = cliSettings();
  const facts = serviceFacts(settings, homeOf(process.env));
  manager.check();
  const { file } = manager;
  if (file === null) return;
  refuseForeign(file);
  await mkdir(dirname(file), { recursive: true });
  if (!existsSync(file)) await writeFile(file, '', { mode: 0o600, flag: 'wx' });
  await replaceFile(file, manager.text(facts));
  output.line(`Written: ${file}`);
  const inEnvFile = new Set(settings.shown.filter((it) => it.source === '.env').map((it) => it.name));
  for (const note of serviceNotes(facts, process.env, inEnvFile)) output.note(note);
  manager.start();
  const origin = originOf(settings);
  output.line(`${await untilAnswered(manager, origin)} at ${origin}`);
  const hint = manager.hint();
  if (hint !== null) output.note(hint);
}

/** Stops the service and removes its file. Runs twice without harm. @throws CommandError for another program's file */
export async function removeService(output: Output): Promise<void> {
  const manager = serviceManager(process.env);
  const { file } = manager;
  if (file === null) return manager.check();
  if (!isInstalled(manager)) return output.line('No service is installed.');
  refuseForeign(file);
  manager.stop();
  await unlink(file);
  output.line(`Stopped and removed: ${file}`);
  output.note(UNDO);
}

/** Tells whether the service is installed, runs, and answers. @throws CommandError if not */
export async function serviceStatus({ json }: { readonly json: boolean }, output: Output): Promise<void> {
  const manager = serviceManager(process.env);
  const origin = originOf(cliSettings());
  const installed = isInstalled(manager);
  const state = installed ? manager.state() : 'not installed';
  const answers = (await readiness(origin)) !== null;
  if (json) output.json({ installed, state, file: manager.file, origin, answers });
  else {
    output.line(installed ? `Service: ${state} (${manager.file})` : 'Service: not installed');
    output.line(answers ? `A proxy answers at ${origin}` : `No proxy answers at ${origin}`);
  }
  if (!answers) throw new CommandError(UNDO, exitCodes.notReachable);
  if (!installed) throw new CommandError('', exitCodes.finding);
}

/** Prints the service's file, and writes nothing. @throws CommandError for a path that will vanish */
export function printService(output: Output): void {
  output.write(serviceManager(process.env).text(serviceFacts(cliSettings(), homeOf(process.env))));
}

function refuseForeign(file: string): void {
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  if (text === '' || text.includes(MARKER)) return;
  throw new CommandError(`${file} was not written by codex-pool, and is left as it is. Move it away first.`);
}

/** Returns how the proxy answers. @throws CommandError with what the service wrote last */
async function untilAnswered(manager: ServiceManager, origin: string): Promise<string> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const ready = await readiness(origin);
    if (ready !== null)
      return ready ? 'Running: it answers' : 'Running: it answers, but no account can serve yet,';
    const state = manager.state();
    if (state === 'failed' || performance.now() > deadline) {
      const last = manager.lastLines();
      throw new CommandError(
        `The service does not answer at ${origin}: it is ${state}.${last === '' ? '' : ` It wrote last:\n${last}`}`,
      );
    }
    await pause(PERIOD_MS);
  }
}

/** Whether the pool could serve; null if no proxy answers. */
async function readiness(origin: string): Promise<boolean | null> {
  try {
    return (await new ProxyClient(origin, null).send('GET', '/readyz')).status === 200;
  } catch (error) {
    if (error instanceof NotReachableError) return null;
    throw error;
  }
}
