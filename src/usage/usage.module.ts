import { Module } from '@nestjs/common';
import { Projects } from './project/projects.js';
import { QuotaService } from './quota.service.js';
import { StoredRequests } from './report/stored-requests.js';
import { UsageReport } from './report/usage-report.js';
import { UsageService } from './usage.service.js';

/** Token usage and quota: in memory, and recorded through TypeORM. */
@Module({
  providers: [UsageService, Projects, QuotaService, UsageReport, StoredRequests],
  exports: [UsageService, Projects, QuotaService, UsageReport, StoredRequests],
})
export class UsageModule {}
