import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { UsageWriter } from '../usage/usage-writer.js';

/** Whether usage goes on record. It never is `down`: turns are served without a record, too. */
@Injectable()
export class UsageHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly writer: UsageWriter,
  ) {}

  check(): HealthIndicatorResult {
    const { pending, droppedCount, trouble } = this.writer;
    return this.indicator.check('usage').up({ pending, dropped: droppedCount, trouble });
  }

  isDegraded(): boolean {
    return this.writer.droppedCount > 0 || this.writer.trouble !== null;
  }
}
