import type { ConsoleLogger } from '@nestjs/common';
import { PoolLogger } from '../observability/pool-logger.js';
import { RecentErrors } from '../observability/recent-errors.js';

/** The proxy's log: discarded, or on stderr, because stdout belongs to the show. */
export class DemoLogger extends PoolLogger {
  constructor(
    errors: RecentErrors,
    private readonly isVerbose: boolean,
  ) {
    super(errors, isVerbose, 'json');
  }

  protected override printMessages(...args: Parameters<ConsoleLogger['printMessages']>): void {
    if (!this.isVerbose) return;
    const [messages, context, level, , ...others] = args;
    super.printMessages(messages, context, level, 'stderr', ...others);
  }

  protected override printStackTrace(stack: string): void {
    if (this.isVerbose) super.printStackTrace(stack);
  }
}
