import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { AppConfig } from '../config/app.config.js';
import { tightenFolder, tightenIfOurs } from '../runtime/files/private-files.js';
import { describeError } from '../runtime/pool-error.js';
import { isDatabaseFile } from '../storage/private-database.js';

const OWN_FOLDERS: readonly string[] = ['.journal', '.removed'];
/** Git brings these, and gives their folder the rights of the umask. */
const FROM_GIT: readonly string[] = ['README.md', '.gitignore', '.gitkeep'];

/**
 * Creates the folders of the settings, and keeps others out of them and of the folders in them. A folder that seems to
 * be shared on purpose is only mentioned in the log: the files in it are still private.
 */
export async function preparePrivateFolders(
  { poolDir, dbPath }: Pick<AppConfig, 'poolDir' | 'dbPath'>,
  logger: LoggerService,
): Promise<void> {
  const dataDir = dirname(dbPath);
  for (const folder of [poolDir, dataDir]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const isOfData = (it: string): boolean =>
    isDatabaseFile(dbPath, it) || OWN_FOLDERS.includes(it) || it === `${basename(dbPath)}.lock.lock`;
  await check(poolDir, 'POOL_DIR', isOfPool, logger);
  if (dataDir !== poolDir) await check(dataDir, 'PROXY_DB_PATH', isOfData, logger);
  for (const folder of [poolDir, dataDir])
    for (const own of OWN_FOLDERS) await quietly(logger, () => tightenFolder(join(folder, own)));
}

function isOfPool(it: string): boolean {
  return it.endsWith('.json') || it.endsWith('.tmp') || OWN_FOLDERS.includes(it) || FROM_GIT.includes(it);
}

async function check(
  folder: string,
  setting: string,
  isOurs: (entry: string) => boolean,
  logger: LoggerService,
): Promise<void> {
  await quietly(logger, async () => {
    if (!(await tightenIfOurs(folder, isOurs))) return;
    const message =
      'other users can enter this folder; its files are private, but a folder of its own is safer';
    logger.warn(message, { setting, folder }, 'Folders');
  });
}

/** A mode that cannot be read or changed does not keep the program from starting. */
async function quietly(logger: LoggerService, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.warn('the rights of a folder cannot be checked', { reason: describeError(error) }, 'Folders');
  }
}
