import { HttpException } from '@nestjs/common';

/** An error response to an operator: status, a stable code for programs, a sentence for people, and further fields. */
export class Problem extends HttpException {
  constructor(
    status: number,
    readonly code: string,
    detail: string,
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail, status);
  }
}
