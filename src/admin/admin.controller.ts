import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { ReloadResult } from '../accounts/pool-folder/reload-report.js';
import { type RequestEntry, RequestLog } from '../observability/request-log.js';
import { limits } from '../config/limits.js';
import { Problem } from './problems/problem.js';

/** Routes for the pool folder and the most recent requests. */
@Controller('admin')
export class AdminController {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly requestLog: RequestLog,
  ) {}

  /** Reads the pool folder again. */
  @Post('reload')
  @HttpCode(200)
  reload(): Promise<ReloadResult[]> {
    return this.registry.reload();
  }

  /** The most recent requests, newest first, each with the reasons for its account. */
  @Get('requests')
  requests(): RequestEntry[] {
    return this.requestLog.list(limits.requestLogEntries);
  }

  @Get('requests/:id')
  request(@Param('id') id: string): RequestEntry {
    const found = this.requestLog.find(id);
    if (found === null)
      throw new Problem(404, 'unknown_request', 'No such request; only the most recent requests are kept.');
    return found;
  }
}
