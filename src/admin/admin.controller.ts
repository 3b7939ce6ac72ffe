import { Controller, HttpCode, Post } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { ReloadResult } from '../accounts/pool-folder/reload-report.js';

/** Routes for the pool folder. */
@Controller('admin')
export class AdminController {
  constructor(private readonly registry: AccountRegistry) {}

  /** Reads the pool folder again. */
  @Post('reload')
  @HttpCode(200)
  reload(): Promise<ReloadResult[]> {
    return this.registry.reload();
  }
}
