import { Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { ReloadResult } from '../accounts/pool-folder/reload-report.js';
import { type RequestEntry, RequestLog } from '../observability/request-log.js';
import { limits } from '../config/limits.js';

/** The pool folder, and the last requests. */
@Controller('admin')
export class AdminController {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly decisions: RequestLog,
  ) {}

  /** Reads the pool folder now. */
  @Post('reload')
  @HttpCode(200)
  reload(): Promise<ReloadResult[]> {
    return this.registry.reload();
  }

  /** The last requests, newest first, each with why it went where it went. */
  @Get('requests')
  requests(): RequestEntry[] {
    return this.decisions.list(limits.decisions);
  }

  @Get('requests/:id')
  request(@Param('id') id: string): RequestEntry {
    const found = this.decisions.find(id);
    if (found === null) throw new NotFoundException('No such request is remembered; only the last ones are.');
    return found;
  }
}
