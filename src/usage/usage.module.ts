import { Module } from '@nestjs/common';
import { QuotaService } from './quota.service.js';
import { UsageService } from './usage.service.js';

/** What was spent, and what is left. */
@Module({ providers: [QuotaService, UsageService], exports: [QuotaService, UsageService] })
export class UsageModule {}
