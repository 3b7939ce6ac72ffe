import type { LoggerService } from '@nestjs/common';

/** A credential file that cannot be used, and the reason. */
export interface BrokenFile {
  readonly name: string;
  readonly reason: string;
}

/**
 * Effect of a reload on one file; the response of `POST /admin/reload` is a list of these, by name.
 * `renamed`: the account had another file name before (`reason` gives it) and goes on under this one.
 * `removed`: the file is gone. The account takes no new turns and leaves once its turns in flight have ended.
 */
export interface ReloadResult {
  readonly name: string;
  readonly result: 'added' | 'updated' | 'renamed' | 'unchanged' | 'broken' | 'removed';
  readonly reason: string | null;
}

/** Merges the reports of consecutive readings: the last change of each file, or `unchanged`. */
export function merged(readings: readonly (readonly ReloadResult[])[]): ReloadResult[] {
  const byName = new Map<string, ReloadResult>();
  for (const result of readings.flat()) {
    if (result.result !== 'unchanged' || !byName.has(result.name)) byName.set(result.name, result);
  }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Logs the changes. A file that stays broken for the same reason is logged once. */
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
