import { Controller, Get } from '@nestjs/common';
import type { DoctorView } from '../../api/doctor.js';
import { DoctorChecks } from './doctor-checks.js';

/** The findings of `codex-pool doctor`, for the page. */
@Controller('admin/doctor')
export class DoctorController {
  constructor(private readonly checks: DoctorChecks) {}

  @Get()
  async doctor(): Promise<DoctorView> {
    return await this.checks.report();
  }
}
