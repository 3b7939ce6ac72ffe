import { Controller, Get } from '@nestjs/common';
import type { Summary } from '../../api/summary.js';
import { PoolSummary } from './pool-summary.js';

/** The pool at a glance, for menu bars and status lines. */
@Controller('admin/summary')
export class SummaryController {
  constructor(private readonly pool: PoolSummary) {}

  @Get()
  summary(): Summary {
    return this.pool.summary();
  }
}
