import { HttpException } from '@nestjs/common';

/** A refusal of an operator's request: status, a stable code for programs, a sentence for people, and what else helps. */
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
