import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { describeError } from '../runtime/pool-error.js';
import { deleteLeftovers } from '../runtime/files/temporary-file.js';
import { CredentialStore } from './credential-store.js';
import { TornFiles } from './torn-files.js';

/** Removes what crashes have left in the folders, before the pool folder is read, and old files of `.removed/`, daily. */
@Injectable()
export class FolderCleanupCron implements OnModuleInit {
  private readonly logger = new Logger(FolderCleanupCron.name);

  constructor(
    private readonly torn: TornFiles,
    private readonly store: CredentialStore,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.quietly('files that were half written', async () => await this.torn.complete());
    await this.quietly('temporary files', async () => await this.deleteTemporaryFiles());
    await this.deleteOldFiles();
  }

  @Cron(CronExpression.EVERY_DAY_AT_NOON, { name: 'removed-files', waitForCompletion: true })
  async deleteOldFiles(): Promise<void> {
    await this.quietly('old files in .removed', async () => {
      const files = await this.store.removed.deleteOlderThan(this.clock.now() - limits.removedFileMs);
      if (files > 0) this.logger.log('old files in .removed deleted', { files });
    });
  }

  /** In the pool folder, in `.removed/`, and beside the targets of links. */
  private async deleteTemporaryFiles(): Promise<void> {
    const { poolDir } = this.config;
    let files = 0;
    for (const folder of [poolDir, this.store.removed.folder])
      files += await deleteLeftovers(folder, (base) => base.endsWith('.json'));
    for (const target of await targetsIn(poolDir))
      files += await deleteLeftovers(dirname(target), (base) => base === basename(target));
    if (files > 0) this.logger.log('temporary files of an earlier run deleted', { files });
  }

  private async quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn(`${what} could not be cleaned up`, { reason: describeError(error) });
    }
  }
}

/** The files that the links of a folder lead to. */
async function targetsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const links = entries.filter((it) => it.isSymbolicLink() && it.name.endsWith('.json'));
  const targets = await Promise.all(
    links.map(async (it) => await realpath(join(folder, it.name)).catch(() => null)),
  );
  return targets.filter((it) => it !== null);
}
