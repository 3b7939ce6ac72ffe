import 'reflect-metadata';
import { AccountRegistry } from '../accounts/account-registry.js';
import {
  type AppConfig,
  InvalidConfigError,
  loadConfig,
  pathsIn,
  settingNames,
} from '../config/app.config.js';
import { RuntimeSettings } from '../config/runtime-settings.js';
import { type RunningApp, startApp } from './app.setup.js';
import { Faults } from '../observability/faults.js';
import { handleUncaught } from './uncaught-exceptions.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { PoolLogger } from '../observability/pool-logger.js';
import { RecentErrors } from '../observability/recent-errors.js';
import { addDotEnv } from '../config/dot-env.js';
import { misspelledSettings } from './misspelled-settings.js';
import { pathFaults } from './path-faults.js';
import { greeting } from './greeting.js';

/** Starts the program and leaves it running. If that fails, prints a sentence and exits with code 1. */
export async function start(): Promise<void> {
  const settings = readSettings();
  if (settings === null) return;
  const { config, warnings } = settings;
  const errors = new RecentErrors();
  const logger = new PoolLogger(errors, config.debug, config.logFormat);
  // A closed log pipe must not end a turn, and nothing is left to report it to.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  for (const why of warnings) logger.warn('a setting does not count', { why });
  // First: a signal during the start must not cut a refresh, whose tokens would be lost.
  const whenAsked = watchSignals(logger);
  let running: RunningApp;
  try {
    running = await startApp(config, { logger, errors });
  } catch (error) {
    giveUp(whyNotStarted(error, config));
    return;
  }
  const runtime = running.app.get(RuntimeSettings);
  logger.setDebug(runtime.current.debug);
  runtime.onChange(({ debug }) => logger.setDebug(debug));
  const stop = stopping(running, logger, config.drainSeconds);
  handleUncaught(running.app.get(Faults), () => {
    logger.error('stopping after a fault outside any connection');
    stop(1);
  });
  whenAsked(() => stop(0));
  const accounts = running.app.get(AccountRegistry);
  process.stdout.write(greeting(running.address, config, accounts.list(), accounts.broken(), process.env));
}

/** Returns the settings, and sentences about names that do not count; null if a setting is invalid. */
function readSettings(): { readonly config: AppConfig; readonly warnings: readonly string[] } | null {
  let refused: string[];
  const fromDotEnv = new Set<string>();
  try {
    refused = addDotEnv('.env', process.env, fromDotEnv);
  } catch (error) {
    refused = [`.env cannot be read: ${describeError(error)}`];
  }
  if (refused.length > 0) {
    giveUp(refused.join('\n'));
    return null;
  }
  const faults = pathFaults(pathsIn(process.env));
  try {
    const config = loadConfig(process.env, fromDotEnv);
    const warnings = misspelledSettings(Object.keys(process.env), settingNames);
    if (faults.length === 0) return { config, warnings };
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    faults.unshift(...error.faults);
  }
  giveUp(new InvalidConfigError(faults).message);
  return null;
}

function whyNotStarted(error: unknown, { listen, poolDir }: AppConfig): string {
  const code = errorCode(error);
  const address = `${listen.host}:${listen.port}`;
  if (code === 'EADDRINUSE') {
    return `${address} is in use, perhaps by another codex-pool: stop that, or set PROXY_LISTEN_ADDR to a free address.`;
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `codex-pool cannot listen on ${address} or read ${poolDir}: ${describeError(error)}`;
  }
  return `codex-pool cannot start: ${describeError(error)}`;
}

function giveUp(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
  // Open handles must not keep alive a process that serves nothing.
  setImmediate(() => process.exit(1));
}

/** Returns a function that stops the program once, and exits with the highest code it was called with. */
function stopping(running: RunningApp, logger: PoolLogger, drainSeconds: number): (code: number) => void {
  let isStopping = false;
  let worst = 0;
  return (code) => {
    worst = Math.max(worst, code);
    if (isStopping) return;
    isStopping = true;
    // After a fault, shutdown itself may hang.
    setTimeout(() => process.exit(1), drainSeconds * 1_000 + limits.stopMs).unref();
    running.stop().then(
      (isDrained) => {
        if (!isDrained) logger.warn('the drain time ran out; open streams were cut');
        process.exit(worst);
      },
      (error: unknown) => {
        logger.error('shutdown failed', { reason: describeError(error) });
        process.exit(1);
      },
    );
  };
}

/**
 * Watches for signals that ask the program to stop. Returns a function that takes what is done then; it is done at once
 * if a signal has come before. A second signal ends the program at once.
 */
function watchSignals(logger: PoolLogger): (stop: () => void) => void {
  let isAsked = false;
  let stop: (() => void) | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isAsked && signal === 'SIGHUP') return; // a terminal that closes may send it several times
    if (isAsked) process.exit(1);
    isAsked = true;
    logger.log('stopping', { signal });
    stop?.();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  return (given) => {
    stop = given;
    if (isAsked) stop();
  };
}
