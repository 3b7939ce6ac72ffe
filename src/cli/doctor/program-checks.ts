import { chooseDriver, DriverNotLoadedError } from '../../storage/database-driver.js';
import { VERSION } from '../../runtime/version.js';
import { isAdvice } from '../status/status-text.js';
import type { Examined } from './examined.js';
import { type CheckResult, fault, type Finding, note } from './finding.js';

/** The newest Node with which the program is tested. */
const NEWEST_NODE = 26;

export function nodeCheck(): CheckResult {
  const version = process.versions.node;
  const isUntested = Number(version.split('.')[0]) > NEWEST_NODE;
  const findings = isUntested
    ? [
        note(
          'node-untested',
          `Node ${version} is newer than any that this program was tested with.`,
          `It was tested up to Node ${NEWEST_NODE}.`,
          'If something fails, try Node 24.',
        ),
      ]
    : [];
  return { check: 'Node', fact: version, findings };
}

export function settingsCheck({ config, settingFaults }: Examined): CheckResult {
  const findings = settingFaults.map((it) =>
    fault(
      'setting-invalid',
      it,
      'The program does not start with it.',
      'Change it in the environment or in .env.',
    ),
  );
  const changed = config?.shown.filter((it) => it.source !== 'default').length ?? 0;
  return { check: 'Settings', fact: config === null ? 'invalid' : `${changed} set`, findings };
}

export function driverCheck({ config }: Examined): CheckResult {
  try {
    const { name, fallbackReason } = chooseDriver(config?.sqliteDriver ?? 'auto');
    const fact = name === 'sqlite3' ? 'the package sqlite3' : "Node's own SQLite";
    return {
      check: 'SQLite',
      fact: fallbackReason === null ? fact : `${fact}, since sqlite3 does not load`,
      findings: [],
    };
  } catch (error) {
    if (!(error instanceof DriverNotLoadedError)) throw error;
    return {
      check: 'SQLite',
      fact: 'not loaded',
      findings: [
        fault(
          'driver-not-loaded',
          error.message,
          'The program does not start.',
          'Unset PROXY_SQLITE_DRIVER.',
        ),
      ],
    };
  }
}

export function listenerCheck({ config, origin, listener }: Examined): CheckResult {
  if (config === null || origin === null) return { check: 'Address', fact: 'unknown', findings: [] };
  if (listener.kind === 'none')
    return { check: 'Address', fact: `free: no proxy runs at ${origin}`, findings: [] };
  if (listener.kind === 'other') {
    return {
      check: 'Address',
      fact: 'taken',
      findings: [
        fault(
          'address-taken',
          listener.reason,
          `The proxy cannot listen at ${origin}, and Codex would talk to whatever does.`,
          'Stop that program, or set PROXY_LISTEN_ADDR to another port and run `codex-pool setup` again.',
        ),
      ],
    };
  }
  const { version, problems } = listener.summary;
  const findings: Finding[] = problems.map((it) =>
    (isAdvice(it) ? note : fault)(
      `pool-${it.code}`,
      it.sentence,
      'The running proxy reports it.',
      'See `codex-pool status`, or the page.',
    ),
  );
  if (version !== VERSION) {
    findings.push(
      fault(
        'other-version',
        `The proxy that runs is version ${version}; this command is version ${VERSION}.`,
        'Changes of the newer version are not in force.',
        'Restart the proxy: `codex-pool service install`, or stop it and run `codex-pool start`.',
      ),
    );
  }
  return { check: 'Address', fact: `codex-pool ${version} answers at ${origin}`, findings };
}
