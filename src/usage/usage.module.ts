import { Module } from '@nestjs/common';
import { QuotaService } from './quota.service.js';
import { UsageReport } from './usage-report.js';
import { UsageService } from './usage.service.js';

/** What was spent, and what is left: in memory, and on record through TypeORM. */
@Module({
  providers: [UsageService, QuotaService, UsageReport],
  exports: [UsageService, QuotaService, UsageReport],
})
export class UsageModule {}
