import { Module } from '@nestjs/common';
import { Database } from '../storage/database.js';
import { QuotaService } from './quota.service.js';
import { RetentionCron } from '../storage/retention.cron.js';
import { UsageReport } from './usage-report.js';
import { WriteBehind } from '../storage/write-behind.js';
import { UsageService } from './usage.service.js';

/** What was spent, and what is left: in memory, and on record through TypeORM. */
@Module({
  providers: [Database, WriteBehind, UsageService, QuotaService, UsageReport, RetentionCron],
  exports: [Database, WriteBehind, UsageService, QuotaService, UsageReport],
})
export class UsageModule {}
