import type { Logger } from '@nestjs/common';
import { limits } from '../config/limits.js';

/** Says in the log that the tables are being migrated, if that takes seconds, and later how long it took. */
export class MigrationNotice implements Disposable {
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;
  private isLogged = false;

  constructor(
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly path: string,
    afterMs: number = limits.slowMigrationMs,
  ) {
    this.timer = setTimeout(() => {
      this.isLogged = true;
      const message = 'migrating the database of an older version; the start goes on when that is done';
      this.logger.warn(message, { path });
    }, afterMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    if (!this.isLogged) return;
    const seconds = Math.round((performance.now() - this.startedAt) / 1_000);
    this.logger.warn('the migration of the database has ended', { path: this.path, seconds });
  }
}
