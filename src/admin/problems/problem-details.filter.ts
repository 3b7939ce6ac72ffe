import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Response } from 'express';
import { Faults } from '../../observability/faults.js';
import { DatabaseUnavailableError } from '../../storage/database.js';
import { Problem } from './problem.js';

/** Turns errors of the operator's routes into problem details (RFC 9457). Our own faults are logged, not disclosed. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(private readonly faults: Faults) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const res = host.switchToHttp().getResponse<Response>();
    const status = statusOf(error);
    if (status === 500) this.faults.note('operator', error);
    if (res.headersSent) return void res.destroy();
    const detail =
      error instanceof HttpException ? error.message : 'Internal error in codex-pool; see its log.';
    if (status === 500) res.set('connection', 'close');
    res
      .status(status)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: STATUS_CODES[status] ?? 'Error',
        status,
        detail,
        ...moreOf(error),
      });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof DatabaseUnavailableError ? 503 : 500;
}

function moreOf(error: unknown): object {
  return error instanceof Problem ? { code: error.code, ...error.more } : {};
}
