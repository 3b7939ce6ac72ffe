import type { LoggerService } from '@nestjs/common';

/** A credential file that is no account, and why. */
export interface BrokenFile {
  readonly name: string;
  readonly reason: string;
}

/**
 * What reading the pool folder did to one file; the answer of `POST /admin/reload`, by name.
 * `renamed`: the account of another file before, which goes on under this name (`reason` tells the old one).
 * `removed`: the file is gone; its account takes no new turns, and leaves once those in flight have ended.
 */
export interface ReloadResult {
  readonly name: string;
  readonly result: 'added' | 'updated' | 'renamed' | 'unchanged' | 'broken' | 'removed';
  readonly reason: string | null;
}

/** One report of several readings, one after the other: what happened last to each file, if anything did. */
export function merged(readings: readonly (readonly ReloadResult[])[]): ReloadResult[] {
  const byName = new Map<string, ReloadResult>();
  for (const result of readings.flat()) {
    if (result.result !== 'unchanged' || !byName.has(result.name)) byName.set(result.name, result);
  }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Says what has changed, each thing once: not again at each reading that a file is still broken. */
export function logReload(
  logger: Pick<LoggerService, 'log' | 'warn'>,
  results: readonly ReloadResult[],
  brokenBefore: readonly BrokenFile[],
): void {
  for (const { name, result, reason } of results) {
    if (result === 'broken') {
      const isKnown = brokenBefore.some((it) => it.name === name && it.reason === reason);
      if (!isKnown) logger.warn('credential file cannot be used', { account: name, reason });
    } else if (result !== 'unchanged') {
      logger.log(`account ${result}`, { account: name, ...(reason === null ? {} : { reason }) });
    }
  }
}
