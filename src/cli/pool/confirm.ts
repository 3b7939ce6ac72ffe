import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';

/**
 * Asks before something is removed; the error output shows the question. Enter alone declines.
 * @throws CommandError if the person declines or cancels, or if there is no terminal to ask on
 */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandError(
      `${question} There is no terminal to ask on: add --yes. Nothing was removed.`,
      exitCodes.wrongUse,
    );
  }
  const { confirm: ask, isCancel } = await import('@clack/prompts');
  const reply = await ask({ message: question, initialValue: false, output: process.stderr });
  if (isCancel(reply) || !reply) throw new CommandError('Nothing was removed.');
}
