import { existsSync, readFileSync } from 'node:fs';
import { CommandError } from '../command/command-error.js';
import { isInstalled, serviceManager } from '../service/service-manager.js';
import type { Examined } from './examined.js';
import { type CheckResult, fault, type Finding } from './finding.js';

/** Checks a service that is installed: whether it runs, and whether its files are still there. */
export function serviceCheck({ env }: Examined): CheckResult {
  const check = 'Service';
  try {
    const manager = serviceManager(env);
    if (!isInstalled(manager) || manager.file === null) return { check, fact: 'not installed', findings: [] };
    const state = manager.state();
    return {
      check,
      fact: `${state} (${manager.file})`,
      findings: [...missing(manager.file), ...dead(state)],
    };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { check, fact: 'unknown', findings: [] };
  }
}

function dead(state: string): readonly Finding[] {
  if (state !== 'failed' && state !== 'inactive' && state !== 'not loaded') return [];
  return [
    fault(
      'service-dead',
      `The service is installed, but ${state}.`,
      'No proxy runs, although one is expected to.',
      'codex-pool service install',
    ),
  ];
}

/** Node and script of the service, if an update has removed them. */
function missing(file: string): readonly Finding[] {
  const text = readFileSync(file, 'utf8');
  const paths = [...text.matchAll(/"(\/[^"]+)"|<string>(\/[^<]+)<\/string>/g)].map(
    ([, one, other]) => one ?? other ?? '',
  );
  const gone = paths
    .slice(0, 2)
    .map((it) => it.replaceAll('%%', '%').replaceAll('$$', '$'))
    .filter((it) => !existsSync(it));
  if (gone.length === 0) return [];
  return [
    fault(
      'service-path-gone',
      `The service runs ${gone.join(' and ')}, which is gone.`,
      'It cannot start again.',
      'codex-pool service install',
    ),
  ];
}
