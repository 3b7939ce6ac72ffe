import { Module } from '@nestjs/common';
import { Database } from '../storage/database.js';
import { QuotaService } from './quota.service.js';
import { RetentionCron } from '../storage/retention.cron.js';
import { UsageReport } from './usage-report.js';
import { UsageWriter } from '../storage/write-behind.js';
import { UsageService } from './usage.service.js';

/** What was spent, and what is left: in memory, and on record through TypeORM. */
@Module({
  providers: [Database, UsageWriter, UsageService, QuotaService, UsageReport, RetentionCron],
  exports: [Database, UsageWriter, UsageService, QuotaService, UsageReport],
})
export class UsageModule {}
