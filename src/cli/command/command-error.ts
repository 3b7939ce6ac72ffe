import { PoolError } from '../../runtime/pool-error.js';
import { type ExitCode, exitCodes } from './exit-codes.js';

/** Ends a command: its message goes to the error output, as a sentence that says what was wrong and what helps. */
export class CommandError extends PoolError {
  readonly code = 'command_failed';

  /** @param problem the `code` of the proxy's own refusal; null if the refusal is the command's */
  constructor(
    message: string,
    readonly exitCode: ExitCode = exitCodes.finding,
    readonly problem: string | null = null,
  ) {
    super(message);
  }
}

const codes: Readonly<Record<ExitCode, string>> = {
  0: 'fine',
  1: 'refused',
  2: 'wrong_use',
  3: 'not_reachable',
};

/** Returns an error as `--json` shows it: a stable code, the sentence, and the exit code. */
export function errorView({ message, exitCode, problem }: CommandError) {
  return { error: { code: problem ?? codes[exitCode], message, exitCode } };
}
