import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Response } from 'express';
import { Faults } from '../../observability/faults.js';
import { fileTroubleIn } from '../../runtime/files/file-trouble.js';
import { PROBLEM_TYPE, problemDetails } from '../../runtime/problem-details.js';
import { isLocked } from '../../storage/database-driver.js';
import { DatabaseUnavailableError } from '../../storage/database.js';
import { Problem } from './problem.js';

/** Turns errors of the operator's routes into problem details (RFC 9457). Our own faults are logged, not disclosed. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemDetailsFilter.name);

  constructor(private readonly faults: Faults) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const res = host.switchToHttp().getResponse<Response>();
    const problem = this.problemOf(error);
    if (problem === null) this.faults.note('operator', error);
    if (res.headersSent) return void res.destroy();
    if (problem === null) res.set('connection', 'close');
    const { code, message, more } = problem ?? fault;
    const status = (problem ?? fault).getStatus();
    res
      .status(status)
      .type(PROBLEM_TYPE)
      .send(problemDetails(status, code, message, more));
  }

  /** Returns null for a fault of the program. */
  private problemOf(error: unknown): Problem | null {
    if (error instanceof Problem) return error;
    if (error instanceof DatabaseUnavailableError || isLocked(error)) return databaseUnavailable;
    if (error instanceof HttpException && error.getStatus() < 500) return refusalOf(error);
    const trouble = fileTroubleIn(error);
    if (trouble === null) return null;
    this.logger.warn('the operator asked for what the disk refuses', { reason: trouble.message });
    return new Problem(503, trouble.code, trouble.message);
  }
}

const fault = new Problem(500, 'internal_error', 'Internal error in codex-pool; see its log.');

const databaseUnavailable = new Problem(
  503,
  'database_unavailable',
  'The database cannot be used at the moment; see /healthz.',
);

/** The framework's own refusal: no such route, above all. */
function refusalOf(error: HttpException): Problem {
  const status = error.getStatus();
  return new Problem(status, status === 404 ? 'unknown_route' : 'bad_request', error.message);
}
