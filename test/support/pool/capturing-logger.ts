import { PoolLogger } from '../../../src/observability/pool-logger.js';
import { RecentErrors } from '../../../src/observability/recent-errors.js';

type JsonOptions = Parameters<PoolLogger['getJsonLogObject']>[1];

/** The program's logger at its most verbose level. Keeps its lines for the test instead of printing them. */
export class CapturingLogger extends PoolLogger {
  readonly lines: string[] = [];

  constructor() {
    super(new RecentErrors(), true, 'json');
  }

  protected override printAsJson(message: unknown, options: JsonOptions): void {
    this.lines.push(JSON.stringify(this.getJsonLogObject(message, options)));
  }
}
