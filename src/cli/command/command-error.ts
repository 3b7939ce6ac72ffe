import { PoolError } from '../../runtime/pool-error.js';
import { type ExitCode, exitCodes } from './exit-codes.js';

/** Ends a command: its message goes to the error output, as a sentence that says what was wrong and what helps. */
export class CommandError extends PoolError {
  readonly code = 'command_failed';

  constructor(
    message: string,
    readonly exitCode: ExitCode = exitCodes.finding,
  ) {
    super(message);
  }
}
